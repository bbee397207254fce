/** The genes of a table, and what pasted names mean in it. */

import { useQueries, useQuery } from '@tanstack/react-query';
import { searchGenes } from '../api/across';
import { getFeatures } from '../api/datasets';
import { getGeneSet } from '../api/geneSets';
import { decodeFrame } from '../data/frames';
import { geneIndex, resolveGenes, type ResolvedGenes } from '../data/geneLists';
import { keys } from './queries';

/** Names that are looked up one by one, because the table does not know them. */
const MOST_LOOKED_UP = 30;

export const useGeneIndex = (dataset: string, table: string, version: number) =>
  useQuery({
    queryKey: ['gene-index', dataset, table, version],
    queryFn: async ({ signal }) => {
      const frame = decodeFrame(await getFeatures(dataset, table, signal));
      return geneIndex(frame.texts('symbol'), frame.texts('feature_id'));
    },
    staleTime: Infinity,
    structuralSharing: false,
  });

/** What of a list is in the table: by symbol and id at once, by alias when the server has answered. */
export function useResolved(names: string[], place: { dataset: string; table: string; version: number; species: string }): ResolvedGenes | null {
  const index = useGeneIndex(place.dataset, place.table, place.version).data;
  const unknown = index ? names.filter((name) => !index.find(name)).slice(0, MOST_LOOKED_UP) : [];
  const asked = useQueries({
    queries: unknown.map((name) => ({
      queryKey: ['alias', place.species, name],
      queryFn: async ({ signal }: { signal: AbortSignal }) => {
        const hits = await searchGenes(place.species, name, signal);
        return hits.find((hit) => hit.aliases.some((alias) => alias.toLowerCase() === name.toLowerCase()))?.symbol ?? null;
      },
      staleTime: Infinity,
    })),
  });
  if (!index) return null;
  const aliases = new Map<string, string>();
  unknown.forEach((name, i) => {
    const symbol = asked[i].data;
    if (symbol) aliases.set(name, symbol);
  });
  return resolveGenes(names, index, aliases);
}

export const useGeneSet = (id: string | null) =>
  useQuery({ queryKey: [...keys.geneSets, id], queryFn: () => getGeneSet(id ?? ''), enabled: id !== null });
