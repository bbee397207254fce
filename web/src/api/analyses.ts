/** Analyses of a table and what they made: comparisons and markers. */

import { tablePath } from './datasets';
import { apiUrl, getBytes, listAll, send, sendJson } from './http';
import type { AnalysisWish, ComparisonRecord } from './analysisTypes';
import type { Job } from './types';

export const startAnalysis = (dataset: string, table: string, json: AnalysisWish) =>
  sendJson<{ job: Job }>('POST', `${tablePath(dataset, table)}/analyses`, { json }).then((made) => made.job);

export const listComparisons = (dataset: string, table: string) =>
  listAll<ComparisonRecord>(`${tablePath(dataset, table)}/comparisons`);
export const getComparison = (dataset: string, table: string, id: string, signal?: AbortSignal) =>
  getBytes(`${tablePath(dataset, table)}/comparisons/${id}.arrow`, {}, signal);
export const deleteComparison = (dataset: string, table: string, id: string, version?: number) =>
  send('DELETE', `${tablePath(dataset, table)}/comparisons/${id}`, { version });
export const comparisonFileUrl = (dataset: string, table: string, id: string, format: 'csv' | 'xlsx') =>
  apiUrl(`${tablePath(dataset, table)}/comparisons/${id}/table.${format}`);
