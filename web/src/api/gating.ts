/** The routes of gates, populations, scales, compensations, and what is computed from them. */

import { apiUrl, getBytes, send, sendJson } from './http';
import type { Attachment } from './attachments';
import type { Dataset, Rec } from './types';

export type GateKind = 'rectangle' | 'polygon' | 'ellipse' | 'range' | 'quadrant' | 'split';

export interface Sector {
  gid: string;
  name: string;
}

export interface Gate extends Rec {
  study_id: string;
  /** Whose own gate it is; null = the gate of the study. */
  dataset_id: string | null;
  gid: string;
  kind: GateKind;
  name: string;
  /** Feature references; `y` is '' for range and split. */
  x: string;
  y: string;
  /** In places of the scaled axes. */
  geometry: Record<string, unknown>;
  sectors: Sector[];
  tailored: boolean;
  locked: boolean;
  extra: Record<string, unknown>;
}

export type NewGate = Pick<Gate, 'kind' | 'name' | 'x' | 'y' | 'geometry'> & Partial<Pick<Gate, 'gid' | 'sectors' | 'dataset_id' | 'tailored' | 'locked' | 'extra'>>;
export type GatePatch = Partial<Pick<Gate, 'name' | 'x' | 'y' | 'geometry' | 'sectors' | 'tailored' | 'locked' | 'extra'>>;

export type TreeJson = { gate: string } | { column: string; groups: (string | number | boolean)[] } | { and: TreeJson[] } | { or: TreeJson[] } | { xor: TreeJson[] } | { not: TreeJson[] };

export interface Population extends Rec {
  study_id: string;
  parent_id: string | null;
  name: string;
  tree: TreeJson;
  terminal_gid: string;
  position: number;
}

export interface ScaleJson {
  type: string;
  [parameter: string]: number | string | null | undefined;
}

export interface ScaleSet extends Rec {
  name: string;
  scales: Record<string, ScaleJson>;
}

export interface Compensation extends Rec {
  name: string;
  channels: string[];
  /** Row by row; row = dye, column = detector. */
  matrix: number[];
  made_by?: { function?: string; controls?: MadeOfControl[]; unstained?: { dataset_id: string } | null };
}

/** A control that a compensation was computed from. */
export interface MadeOfControl {
  channel: string;
  dataset_id: string;
  population_id: string | null;
  positive: [number, number];
  negative: [number, number] | null;
}

/** 'none', 'internal' (that of the file), 'own' (what the file says), or the id of a compensation. */
export type CompensationSaid = string;

export interface CountRow {
  dataset_id: string;
  population_id: string | null;
  n_events: number | null;
  percent_of_parent?: number | null;
  percent_of_total?: number | null;
  /** Why it cannot be counted; '' where it can. */
  problem?: string;
}

const listed = <T>(path: string, signal?: AbortSignal) => sendJson<{ items: T[] }>('GET', path, { signal }).then((page) => page.items);

export const listGates = (studyId: string, signal?: AbortSignal) => listed<Gate>(`studies/${studyId}/gates`, signal);
export const createGates = (studyId: string, json: { gates: NewGate[]; populations: boolean; parent_id: string | null }) =>
  sendJson<{ gates: Gate[]; populations: Population[] }>('POST', `studies/${studyId}/gates`, { json });
export const patchGate = (gate: Gate, json: GatePatch, keepalive = false) => sendJson<Gate>('PATCH', `gates/${gate.id}`, { json, version: gate.version, keepalive });
export const deleteGate = (gate: Gate) => send('DELETE', `gates/${gate.id}`, { version: gate.version });
/** The gate of all files and those of single ones. */
export const deleteGateFamily = (studyId: string, gid: string) => send('DELETE', `studies/${studyId}/gate-families/${gid}`);
export const tailorGate = (studyId: string, json: { gid: string; gate: Partial<Gate>; dataset_ids: string[] }, keepalive = false) =>
  sendJson<{ inserted: Gate[]; updated: Gate[]; deleted: Gate[] }>('POST', `studies/${studyId}/gates/tailor`, { json, keepalive });

export const listPopulations = (studyId: string, signal?: AbortSignal) => listed<Population>(`studies/${studyId}/populations`, signal);
export const createPopulation = (studyId: string, json: { name: string; tree: TreeJson; parent_id: string | null; terminal_gid?: string }) =>
  sendJson<Population>('POST', `studies/${studyId}/populations`, { json });
export const patchPopulation = (population: Population, json: Partial<Pick<Population, 'name' | 'parent_id' | 'tree' | 'position'>>) =>
  sendJson<Population>('PATCH', `populations/${population.id}`, { json, version: population.version });
export const deletePopulation = (population: Population, branch: boolean) =>
  send('DELETE', `populations/${population.id}`, { version: population.version, query: branch ? { branch: true } : {} });

export const getScales = (studyId: string, signal?: AbortSignal) => sendJson<ScaleSet>('GET', `studies/${studyId}/scales`, { signal });
export const putScales = (studyId: string, set: ScaleSet, scales: Record<string, ScaleJson>) =>
  sendJson<unknown>('PUT', `studies/${studyId}/scales`, { json: { scales }, version: set.version });

export const listCompensations = (studyId: string, signal?: AbortSignal) => listed<Compensation>(`studies/${studyId}/compensations`, signal);
export const createCompensation = (studyId: string, json: Pick<Compensation, 'name' | 'channels' | 'matrix'>) =>
  sendJson<Compensation>('POST', `studies/${studyId}/compensations`, { json });
export const patchCompensation = (c: Compensation, json: Partial<Pick<Compensation, 'name' | 'channels' | 'matrix'>>) =>
  sendJson<Compensation>('PATCH', `compensations/${c.id}`, { json, version: c.version });
export const deleteCompensation = (c: Compensation) => send('DELETE', `compensations/${c.id}`, { version: c.version });

export const countPopulations = (studyId: string, json: { dataset_ids: string[]; population_ids?: string[]; compensation: CompensationSaid; table?: string }, signal?: AbortSignal) =>
  sendJson<{ items: CountRow[] }>('POST', `studies/${studyId}/population-counts`, { json, signal }).then((page) => page.items);

export interface StatisticsQuery {
  dataset_ids: string[];
  /** null = all events. */
  population_ids: (string | null)[];
  /** Feature references. */
  axes: string[];
  statistics: string[];
  q?: number;
  /** parent, grandparent, total, or the id of a population. */
  percent_of?: string[];
  /** Name of a column → formula. */
  formulas?: Record<string, string>;
  /** Counting beads, for events per µL; without them the volume in the file counts. */
  beads?: { population_id: string; n_added: number; volume_ul: number };
  compensation: CompensationSaid;
}

export type TableFormat = 'csv' | 'tsv' | 'xlsx' | 'parquet';

/** A table of statistics that is kept in the study, with what it was asked for as. */
export interface SavedTable extends Attachment {
  statistics: Partial<Omit<StatisticsQuery, 'dataset_ids' | 'population_ids'>> & { dataset_ids?: string[] | null; population_ids?: (string | null)[] | null; layout?: string; format: TableFormat };
}

/** One value. */
export interface StatisticsRow {
  dataset_id: string;
  population_id: string | null;
  /** '' where it is of the population itself. */
  axis: string;
  statistic: string;
  value: number | null;
}

/** Why a file has no value, or which of several channels a value is of. */
export interface StatisticsNote {
  dataset_id: string;
  note: string;
}

export interface StatisticsAnswer {
  rows: StatisticsRow[];
  notes: StatisticsNote[];
}

const isPercent = (name: string, formulas: Record<string, string> = {}) => name.startsWith('percent of ') && !(name in formulas);

/** Of percents, those of one reference are asked for; they are called 'percent' here. */
export const getStatistics = (studyId: string, json: StatisticsQuery, signal?: AbortSignal) =>
  sendJson<{ items: StatisticsRow[]; notes: StatisticsNote[] }>('POST', `studies/${studyId}/statistics`, { json: { ...json, layout: 'tall', format: 'json' }, signal }).then(
    ({ items, notes }): StatisticsAnswer => ({ rows: items.map((row) => (isPercent(row.statistic, json.formulas) ? { ...row, statistic: 'percent' } : row)), notes }),
  );
export const getStatisticsFile = (studyId: string, json: StatisticsQuery, layout: string, format: string) =>
  send('POST', `studies/${studyId}/statistics`, { json: { ...json, layout, format, annotations: true } }).then((response) => response.blob());

export const listSavedTables = (studyId: string, signal?: AbortSignal) => listed<SavedTable>(`studies/${studyId}/statistics-exports`, signal);
/** Its numbers stay as they are now. */
export const saveTable = (studyId: string, name: string, asked: StatisticsQuery, layout: string, format: string) =>
  sendJson<SavedTable>('POST', `studies/${studyId}/statistics-exports`, { json: { ...asked, name, layout, format, annotations: true } });

export interface EventsQuery {
  axes: string[];
  population: string | null;
  compensation: CompensationSaid;
  n: number;
}

const tablePath = (dataset: string, table: string) => `datasets/${dataset}/tables/${encodeURIComponent(table)}`;
const nameList = (names: string[]) => names.map((name) => name.replace(/[\\,]/g, '\\$&')).join(',');

export const getEvents = (dataset: string, table: string, q: EventsQuery, signal?: AbortSignal) =>
  getBytes(`${tablePath(dataset, table)}/events`, { axes: nameList(q.axes), population: q.population, compensation: q.compensation, n: q.n, seed: 0, rows: false }, signal);

/** The address of a picture of a plot, drawn by the server. */
export const plotUrl = (dataset: string, table: string, query: Record<string, string | number | null>) => apiUrl(`${tablePath(dataset, table)}/plot`, query);

export const getKeywords = (dataset: string, signal?: AbortSignal) => sendJson<{ items: { name: string; value: string }[] }>('GET', `datasets/${dataset}/keywords`, { signal });
export const putReagents = (studyId: string, json: { dataset_ids: string[]; reagents: Record<string, string | null>; panel_name?: string }) =>
  sendJson<unknown>('POST', `studies/${studyId}/panels`, { json });
export const patchFile = (dataset: Dataset, json: { name?: string; compensation?: string; is_control?: boolean; gates_locked?: boolean }) =>
  sendJson<Dataset>('PATCH', `datasets/${dataset.id}`, { json, version: dataset.version });
export const fcsUrl = (dataset: string, query: Record<string, string | null>) => apiUrl(`datasets/${dataset}/fcs`, query);
