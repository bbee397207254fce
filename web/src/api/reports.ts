/** Pages that analyses wrote about a table. */

import { tablePath } from './datasets';
import { apiUrl, listAll, send } from './http';

export interface ReportRecord {
  id: string;
  created_at: string;
  name: string;
  analysis: string;
  facts: Record<string, unknown>;
}

export const listReports = (dataset: string, table: string) => listAll<ReportRecord>(`${tablePath(dataset, table)}/reports`);
export const reportUrl = (dataset: string, table: string, id: string) => apiUrl(`${tablePath(dataset, table)}/reports/${id}`);
export const deleteReport = (dataset: string, table: string, id: string) => send('DELETE', `${tablePath(dataset, table)}/reports/${id}`);
