/** Gene sets and lists of markers, shared per group. */

import { listAll, send, sendJson } from './http';
import type { GeneSetRecord } from './analysisTypes';

export const listGeneSets = () => listAll<GeneSetRecord>('gene-sets');
export const getGeneSet = (id: string) => sendJson<GeneSetRecord>('GET', `gene-sets/${id}`);
export const deleteGeneSet = (record: GeneSetRecord) => send('DELETE', `gene-sets/${record.id}`, { version: record.version });
export const createGeneSet = (json: { name: string; kind: 'sets' | 'markers'; species: string; sets: { name: string; genes: string[] }[] }) =>
  sendJson<GeneSetRecord>('POST', 'gene-sets', { json });
/** A GMT or CSV file as it is. */
export const importGeneSet = (text: string, query: { name: string; kind: 'sets' | 'markers'; species: string; filename: string }) =>
  sendJson<GeneSetRecord>('POST', 'gene-sets/import', { body: text, type: 'text/plain', query });
