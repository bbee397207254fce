/** The state of a view under one key of the address, so that a link restores it. */

import { useEffect, useState } from 'react';
import { changeQuery } from './route';

type Json = Record<string, unknown>;

/** What the address says, for each name of the initial state that it has a value of the same kind for. */
export function readState<T extends object>(text: string | null, initial: T): T {
  if (!text) return initial;
  let given: Json;
  try {
    const parsed: unknown = JSON.parse(text);
    if (!parsed || typeof parsed !== 'object' || Array.isArray(parsed)) return initial;
    given = parsed as Json;
  } catch {
    return initial;
  }
  const known = Object.entries(initial).filter(([name, value]) => given[name] !== undefined && isAlike(value, given[name]));
  return { ...initial, ...Object.fromEntries(known.map(([name]) => [name, given[name]])) };
}

/** Null at the start stands for 'a text or nothing'; an array holds what its first entry is, or texts. */
function isAlike(initial: unknown, value: unknown): boolean {
  if (initial === null) return value === null || typeof value === 'string';
  if (Array.isArray(initial)) {
    const kind = initial.length ? typeof initial[0] : 'string';
    return Array.isArray(value) && value.every((entry) => typeof entry === kind);
  }
  return typeof value === typeof initial && value !== null && !Array.isArray(value);
}

/** Only what differs from the start is written; null where nothing does. */
export function writeState<T extends object>(state: T, initial: T): string | null {
  const start = initial as Json;
  const changed = Object.entries(state).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(start[name]));
  return changed.length ? JSON.stringify(Object.fromEntries(changed)) : null;
}

export type Change<T> = (part: Partial<T>) => void;

const NO_STEPS: readonly never[] = [];
const readAddress = <T extends object>(key: string, initial: T) => readState(new URL(location.href).searchParams.get(key), initial);

/**
 * State of flat values (texts, numbers, switches, lists of texts), kept in the address under `key`.
 *
 * `steps` are the names whose changes the browser's back button takes back; `initial` and `steps` stay the same.
 */
export function useViewState<T extends object>(key: string, initial: T, steps: readonly (keyof T)[] = NO_STEPS): [T, Change<T>] {
  // the address itself: what other views wrote to it after the page was opened counts too
  const [state, setState] = useState(() => readAddress(key, initial));
  useEffect(() => {
    if (!steps.length) return;
    const back = () => setState(readAddress(key, initial));
    window.addEventListener('popstate', back);
    return () => window.removeEventListener('popstate', back);
  }, [key, initial, steps]);
  const change: Change<T> = (part) => {
    const next = { ...state, ...part };
    setState(next);
    changeQuery(key, writeState(next, initial), steps.some((name) => next[name] !== state[name]));
  };
  return [state, change];
}
