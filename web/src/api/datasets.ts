/** The routes of datasets, their tables, and uploads. */

import { apiUrl, getBytes, listAll, postBytes, send, sendJson } from './http';
import type { SubsetWish } from './analysisTypes';
import type { LevelTerm, OntologyRecord, TermHit } from './termTypes';
import type { ColumnPatch, ColumnRecord, Dataset, Feature, Job, NewColumn, Submission, Upload } from './types';

const ARROW = 'application/vnd.apache.arrow.stream';
export const tablePath = (dataset: string, table: string) => `datasets/${dataset}/tables/${encodeURIComponent(table)}`;

/** Names as one text with commas between; commas and backslashes within a name are escaped. */
export const nameList = (names: string[]) => names.map((name) => name.replace(/[\\,]/g, '\\$&')).join(',');

export const listDatasets = (studyId: string, trash = false) =>
  listAll<Dataset>(`studies/${studyId}/datasets`, trash ? { trash: true } : {});
export const getDataset = (id: string) => sendJson<Dataset>('GET', `datasets/${id}`);
export const submitDataset = (studyId: string, json: Submission) =>
  sendJson<{ job: Job; dataset: Dataset }>('POST', `studies/${studyId}/datasets`, { json });
export const patchDataset = (dataset: Dataset, json: { name?: string; sample_id?: string | null }) =>
  sendJson<Dataset>('PATCH', `datasets/${dataset.id}`, { json, version: dataset.version });
export const deleteDataset = (dataset: Dataset) =>
  send('DELETE', `datasets/${dataset.id}`, { version: dataset.version });
export const undeleteDataset = (dataset: Dataset) =>
  send('POST', `datasets/${dataset.id}/undelete`, { version: dataset.version });
export const exportDataset = (id: string, format: string) =>
  sendJson<{ job: Job }>('POST', `datasets/${id}/exports`, { json: { format } });

export const searchFeatures = (dataset: string, table: string, search: string, signal?: AbortSignal) =>
  sendJson<{ items: Feature[] }>('GET', `${tablePath(dataset, table)}/features`, {
    query: { search, limit: 30 },
    signal,
  }).then((page) => page.items);

export const getFeatures = (dataset: string, table: string, signal?: AbortSignal) =>
  getBytes(`${tablePath(dataset, table)}/features.arrow`, {}, signal);
export const getFeatureValues = (dataset: string, table: string, feature: string, signal?: AbortSignal) =>
  getBytes(`${tablePath(dataset, table)}/values`, { features: nameList([feature]), unit: 'lognorm', layout: 'dense' }, signal);
export const getColumns = (dataset: string, table: string, names: string[], signal?: AbortSignal) =>
  getBytes(`${tablePath(dataset, table)}/columns.arrow`, { names: nameList(names) }, signal);
export const getEmbedding = (dataset: string, table: string, name: string, signal?: AbortSignal) =>
  getBytes(`${tablePath(dataset, table)}/embeddings.arrow`, { name }, signal);
export const getBarcodes = (dataset: string, table: string, signal?: AbortSignal) =>
  getBytes(`${tablePath(dataset, table)}/barcodes.arrow`, {}, signal);

export interface SummaryQuery {
  features: string[];
  group: string;
  split?: string;
  threshold?: number;
  version: number;
}

/** `selection`: only these cells count; null = all. */
export function getSummary(dataset: string, table: string, q: SummaryQuery, selection: unknown, signal?: AbortSignal) {
  const path = `${tablePath(dataset, table)}/summary.arrow`;
  const { group, split, ...rest } = q;
  if (selection !== null) return postBytes(path, { ...rest, group_by: group, split_by: split, selection }, signal);
  return getBytes(
    path,
    { features: nameList(q.features), group_by: q.group, split_by: q.split, threshold: q.threshold, version: q.version },
    signal,
  );
}

export interface ViolinQuery {
  feature: string;
  group: string;
  split?: string;
  bandwidth?: number;
  version: number;
}

export function getViolins(dataset: string, table: string, q: ViolinQuery, selection: unknown, signal?: AbortSignal) {
  const path = `${tablePath(dataset, table)}/violins.arrow`;
  const { group, split, ...rest } = q;
  if (selection !== null) return postBytes(path, { ...rest, group_by: group, split_by: split, selection }, signal);
  return getBytes(
    path,
    { feature: q.feature, group_by: q.group, split_by: q.split, bandwidth: q.bandwidth, version: q.version },
    signal,
  );
}

export const getMarkers = (dataset: string, table: string, column: string, limit: number, signal?: AbortSignal) =>
  getBytes(`${tablePath(dataset, table)}/markers.arrow`, { column, limit }, signal);

/** Ask for something new of a table; the answer is its job. */
export const createAnalysis = (dataset: string, table: string, json: { analysis: string; name?: string; parameters: Record<string, unknown> }) =>
  sendJson<{ job: Job }>('POST', `${tablePath(dataset, table)}/analyses`, { json });

export interface ColumnsMade {
  columns: ColumnRecord[];
}

/** `isPrivate`: only oneself sees it until it is published. */
export const createColumn = (dataset: string, table: string, json: NewColumn, isPrivate: boolean) =>
  sendJson<ColumnsMade>('POST', `${tablePath(dataset, table)}/columns`, { json, query: { private: isPrivate || undefined } });
export const createColumnsFromArrow = (dataset: string, table: string, bytes: Uint8Array<ArrayBuffer>, isPrivate: boolean) =>
  sendJson<ColumnsMade>('POST', `${tablePath(dataset, table)}/columns`, { body: new Blob([bytes]), type: ARROW, query: { private: isPrivate || undefined } });
export const patchColumn = (dataset: string, table: string, column: ColumnRecord, json: ColumnPatch) =>
  sendJson<ColumnRecord>('PATCH', `${tablePath(dataset, table)}/columns/${column.id}`, {
    json,
    version: column.version,
  });
export const deleteColumn = (dataset: string, table: string, column: ColumnRecord) =>
  send('DELETE', `${tablePath(dataset, table)}/columns/${column.id}`, { version: column.version });

export const publishColumn = (dataset: string, table: string, column: ColumnRecord) =>
  sendJson<ColumnRecord>('POST', `${tablePath(dataset, table)}/columns/${column.id}/publish`);
export const getColumnTerms = (dataset: string, table: string, column: ColumnRecord, signal?: AbortSignal) =>
  sendJson<{ items: LevelTerm[] }>('GET', `${tablePath(dataset, table)}/columns/${column.id}/terms`, { signal }).then((page) => page.items);
/** By category; null takes its term away. */
export const putColumnTerms = (dataset: string, table: string, column: ColumnRecord, json: Record<string, string | null>) =>
  sendJson<ColumnRecord>('PUT', `${tablePath(dataset, table)}/columns/${column.id}/terms`, { json, version: column.version });
export const listOntologies = () => sendJson<{ items: OntologyRecord[] }>('GET', 'ontologies').then((page) => page.items);
export const searchTerms = (ontology: string, search: string, signal?: AbortSignal) =>
  sendJson<{ items: TermHit[] }>('GET', `ontologies/${ontology}/terms`, { query: { search, limit: 12 }, signal }).then((page) => page.items);

export const createSubset = (dataset: string, table: string, json: SubsetWish) =>
  sendJson<{ job: Job; dataset: Dataset }>('POST', `${tablePath(dataset, table)}/subsets`, { json });

export const createUpload = (name: string, size: number) =>
  sendJson<Upload>('POST', 'uploads', { json: { name, size } });
export const getUpload = (id: string) => sendJson<Upload>('GET', `uploads/${id}`);
export const completeUpload = (id: string) => sendJson<unknown>('POST', `uploads/${id}/complete`, { json: {} });
export const deleteUpload = (id: string) => send('DELETE', `uploads/${id}`);
export const uploadDataUrl = (id: string, offset: number) => apiUrl(`uploads/${id}/data`, { offset: String(offset) });
