/** Queries over all studies that one may read. */

import type { GeneHit } from './analysisTypes';
import { nameList } from './datasets';
import { getBytes, sendJson } from './http';

export const searchGenes = (species: string, search: string, signal?: AbortSignal) =>
  sendJson<{ items: GeneHit[] }>('GET', 'genes', { query: { species, search, limit: 500 }, signal }).then((page) => page.items);
export const getExpression = (query: { genes: string[]; species: string; group_by: string }, signal?: AbortSignal) =>
  getBytes('expression.arrow', { genes: nameList(query.genes), species: query.species, group_by: query.group_by }, signal);
