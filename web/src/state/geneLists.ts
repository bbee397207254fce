/** The genes of a table, and what pasted names mean in it. */

import { useQueries, useQuery } from '@tanstack/react-query';
import { searchGenes } from '../api/across';
import { getFeatures, searchFeatures } from '../api/datasets';
import { getGeneSet } from '../api/geneSets';
import { getStudy } from '../api/routes';
import type { Feature } from '../api/types';
import { bestGenes } from '../data/across';
import { decodeFrame } from '../data/frames';
import { geneIndex, resolveGenes, type ResolvedGenes } from '../data/geneLists';
import { keys, useDataset, useFeatureSearch } from './queries';

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

const MOST_ALIASES = 5;

/** Features of a table that bear a name as an alias; the alias stands where else the id does. */
async function featuresByAlias(dataset: string, table: string, species: string, text: string, signal: AbortSignal): Promise<Feature[]> {
  const wanted = text.trim().toLowerCase();
  const hits = bestGenes(await searchGenes(species, text, signal), text, MOST_ALIASES);
  const found = hits.map(async (hit): Promise<Feature[]> => {
    const alias = hit.aliases.find((a) => a.toLowerCase().startsWith(wanted));
    const feature = alias && (await searchFeatures(dataset, table, hit.symbol, signal)).find((f) => f.symbol === hit.symbol);
    return feature ? [{ ...feature, feature_id: alias }] : [];
  });
  return (await Promise.all(found)).flat();
}

/** Features by symbol and id; where there is none, by the aliases that the server knows for the species of the study. */
export function useGeneHits(dataset: string, table: string, text: string) {
  const query = useFeatureSearch(dataset, table, text);
  const studyId = useDataset(dataset).data?.study_id;
  const none = query.data?.length === 0 && !query.isPlaceholderData && text.trim().length > 1;
  const study = useQuery({ queryKey: keys.study(studyId ?? ''), queryFn: () => getStudy(studyId ?? ''), enabled: none && studyId !== undefined });
  const species = study.data?.species ?? '';
  const aliases = useQuery({
    queryKey: ['features-by-alias', dataset, table, species, text],
    queryFn: ({ signal }) => featuresByAlias(dataset, table, species, text, signal),
    enabled: none && species !== '',
    staleTime: 300_000,
  });
  return { data: none ? aliases.data : query.data, isFetching: query.isFetching || aliases.isFetching, error: query.error ?? aliases.error };
}

export const useGeneSet = (id: string | null) =>
  useQuery({ queryKey: [...keys.geneSets, id], queryFn: () => getGeneSet(id ?? ''), enabled: id !== null });
