/** Which plots stand in the grid of each population, kept in this browser for each study. */

import { createStore, rememberedStore, type Store } from '../store';

export type PlotMode = 'density' | 'dots' | 'contour' | 'histogram';

export interface PlotSpec {
  id: number;
  x: string;
  y: string;
  mode: PlotMode;
}

export interface GatingLayout {
  /** Plots by population id, '' for all events. */
  plots: Record<string, PlotSpec[]>;
  /** Side of a plot in pixels. */
  size: number;
  /** Events drawn of each plot, at most. */
  events: number;
  palette: 'hue' | 'viridis';
  /** Populations whose events are laid over the plots. */
  overlaid: string[];
  /** Shows the plots that lead to the population in place of its own. */
  way: boolean;
  compensation: string;
  groupBy: string;
  sortBy: string;
}

export const INITIAL_LAYOUT: GatingLayout = { plots: {}, size: 320, events: 50_000, palette: 'hue', overlaid: [], way: false, compensation: 'own', groupBy: '', sortBy: 'name' };

const stores = new Map<string, Store<GatingLayout>>();

export function layoutStore(studyId: string): Store<GatingLayout> {
  const known = stores.get(studyId);
  if (known) return known;
  const store = rememberedStore<GatingLayout>(`cytosol.gating.${studyId}`, INITIAL_LAYOUT);
  // a layout of an earlier version lacks what came later
  store.set((now) => ({ ...INITIAL_LAYOUT, ...now }));
  stores.set(studyId, store);
  return store;
}

export interface CopiedGate {
  kind: string;
  name: string;
  x: string;
  y: string;
  geometry: Record<string, unknown>;
  sectors: string[];
  /** Of the file that it was copied in. */
  panel: { index: number; channel: string; reagent: string }[];
}

const COPIED = 'cytosol.copied-gate';
/** A copied gate, waiting to be pasted into another population or study, in this window or another. */
export const clipboardStore = rememberedStore<CopiedGate | null>(COPIED, null);
globalThis.addEventListener?.('storage', ({ key, newValue }: StorageEvent) => {
  if (key === COPIED && newValue !== null) clipboardStore.set(JSON.parse(newValue) as CopiedGate | null);
});
/** A gate to be pasted, once it is said on which of several channels. */
export const pasteStore = createStore<CopiedGate | null>(null);
