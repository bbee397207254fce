/** The state of a view under one key of the address, so that a link restores it. */

import { useState } from 'react';
import { replaceQuery } from './route';

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

/** State of flat values (texts, numbers, switches, lists of texts), kept in the address under `key`. */
export function useViewState<T extends object>(key: string, initial: T): [T, Change<T>] {
  // the address itself: what other views wrote to it after the page was opened counts too
  const [state, setState] = useState(() => readState(new URL(location.href).searchParams.get(key), initial));
  const change: Change<T> = (part) => {
    const next = { ...state, ...part };
    setState(next);
    replaceQuery(key, writeState(next, initial));
  };
  return [state, change];
}
