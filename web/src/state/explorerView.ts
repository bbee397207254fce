/** The state of a plot that can be shared as an address: one schema per version, with an upgrader from each to the next. */

import type { MapName } from '../data/colors';
import type { Filter } from '../data/filters';
import type { LegendSort } from '../data/legend';

export interface ColorBy {
  by: 'feature' | 'column';
  name: string;
}

export interface ExplorerView {
  version: 2;
  embedding: string | null;
  dims: [number, number];
  color: ColorBy | null;
  map: MapName;
  /** Upper end of the colours: this percentile of the cells that express; 100 is the maximum. */
  clip: number;
  filters: Filter[];
  sort: LegendSort;
  labels: boolean;
  mode: 'auto' | 'points' | 'density';
  /** Diameter in pixels; 0 is by the number of cells. */
  size: number;
}

export const INITIAL_VIEW: ExplorerView = {
  version: 2,
  embedding: null,
  dims: [0, 1],
  color: null,
  map: 'viridis',
  clip: 99,
  filters: [],
  sort: 'size',
  labels: false,
  mode: 'auto',
  size: 0,
};

type Json = Record<string, unknown>;

/** Version 1 had `clip: true | false`. */
function upgrade1(view: Json): Json {
  return { ...view, version: 2, clip: view.clip === true ? 99 : 100 };
}

const UPGRADERS: Record<number, (view: Json) => Json> = { 1: upgrade1 };

/** Only what differs from the start is written, so that addresses stay short. */
export function writeView(view: ExplorerView): string | null {
  const out: Json = {};
  for (const [name, value] of Object.entries(view)) {
    if (JSON.stringify(value) !== JSON.stringify(INITIAL_VIEW[name as keyof ExplorerView])) out[name] = value;
  }
  if (Object.keys(out).length === 0) return null;
  return JSON.stringify({ version: INITIAL_VIEW.version, ...out });
}

/** A view from an address of this or an earlier version; what cannot be read is left at the start. */
export function readView(text: string | null): ExplorerView {
  if (!text) return INITIAL_VIEW;
  let view: Json;
  try {
    const parsed: unknown = JSON.parse(text);
    if (!parsed || typeof parsed !== 'object' || Array.isArray(parsed)) return INITIAL_VIEW;
    view = parsed as Json;
  } catch {
    return INITIAL_VIEW;
  }
  while (typeof view.version === 'number' && UPGRADERS[view.version]) view = UPGRADERS[view.version](view);
  if (view.version !== INITIAL_VIEW.version) return INITIAL_VIEW;
  const out: Json = { ...INITIAL_VIEW };
  for (const name of Object.keys(INITIAL_VIEW)) {
    const given = view[name];
    if (given !== undefined && fits(name as keyof ExplorerView, given)) out[name] = given;
  }
  return out as unknown as ExplorerView;
}

function fits(name: keyof ExplorerView, value: unknown): boolean {
  if (name === 'embedding') return typeof value === 'string';
  if (name === 'color') return typeof value === 'object' && value !== null && 'by' in value && 'name' in value;
  if (name === 'filters') return Array.isArray(value) && value.every(isFilter);
  if (name === 'dims') return Array.isArray(value) && value.length === 2 && value.every((d) => Number.isInteger(d) && d >= 0);
  return typeof value === typeof INITIAL_VIEW[name];
}

function isFilter(value: unknown): boolean {
  if (!value || typeof value !== 'object') return false;
  const filter = value as Json;
  if (typeof filter.column !== 'string') return false;
  return filter.kind === 'categories'
    ? Array.isArray(filter.hidden)
    : filter.kind === 'range' && typeof filter.low === 'number' && typeof filter.high === 'number';
}
