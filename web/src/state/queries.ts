/** What is read from the server, under one set of keys. */

import { QueryClient, useQuery } from '@tanstack/react-query';
import {
  getBarcodes, getColumns, getColumnTerms, getDataset, getEmbedding, getFeatureValues, getMarkers, getSummary, getViolins, listDatasets, listOntologies,
  searchFeatures, searchTerms,
  type SummaryQuery, type ViolinQuery,
} from '../api/datasets';
import { listGeneSets } from '../api/geneSets';
import { isApiError } from '../api/http';
import * as routes from '../api/routes';
import type { ColumnRecord } from '../api/types';
import { decodeBarcodes, decodeColumns, decodeEmbedding, decodeValues } from '../data/arrow';
import { decodeFrame } from '../data/frames';
import type { Selection } from '../data/selections';
import { decodeSummary, decodeViolins } from '../data/summary';

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) => failures < 2 && (!isApiError(error) || error.status === 0 || error.status >= 500),
    },
  },
});

export const keys = {
  session: ['session'],
  server: ['server'],
  studies: ['studies'],
  study: (id: string) => ['study', id],
  samples: (id: string) => ['samples', id],
  datasets: (studyId: string) => ['datasets', studyId],
  dataset: (id: string) => ['dataset', id],
  grants: (studyId: string) => ['grants', studyId],
  revisions: (studyId: string) => ['revisions', studyId],
  jobs: ['jobs'],
  job: (id: string) => ['job', id],
  tokens: ['tokens'],
  storages: ['storages'],
  users: ['users'],
  groups: ['groups'],
  comparisons: (dataset: string, table: string) => ['comparisons', dataset, table],
  geneSets: ['gene-sets'],
  markers: (dataset: string, table: string) => ['marker-table', dataset, table],
};

/** Bulk arrays are large and never change under their key: keep them for five minutes after the last use. */
const bulk = { staleTime: Infinity, gcTime: 300_000, structuralSharing: false } as const;

export const refresh = (...lists: readonly (readonly unknown[])[]) =>
  Promise.all(lists.map((queryKey) => queryClient.invalidateQueries({ queryKey })));

const SOON_MS = 100;
const waiting = new Map<string, readonly unknown[]>();
let soon: ReturnType<typeof setTimeout> | undefined;

/** The same in a moment, once for all that is asked until then: a change of a thousand files comes as a thousand events. */
export function refreshSoon(...lists: readonly (readonly unknown[])[]): void {
  for (const queryKey of lists) waiting.set(JSON.stringify(queryKey), queryKey);
  soon ??= setTimeout(() => {
    const due = [...waiting.values()];
    waiting.clear();
    // what comes meanwhile waits until these answers are here, rather than asking for them again
    void refresh(...due).finally(() => {
      soon = undefined;
      if (waiting.size) refreshSoon();
    });
  }, SOON_MS);
}

export const useServer = () => useQuery({ queryKey: keys.server, queryFn: routes.getServer, staleTime: Infinity });
export const useSession = () =>
  useQuery({ queryKey: keys.session, queryFn: routes.getSession, staleTime: 300_000, retry: retrySession });

function retrySession(failures: number, error: Error): boolean {
  return failures < 2 && isApiError(error) && (error.status === 0 || error.status >= 500);
}

export const useStudies = (search: string, trash = false) =>
  useQuery({
    queryKey: [...keys.studies, search, trash],
    queryFn: ({ signal }) => routes.listStudies({ search, trash }, signal),
    placeholderData: (before) => before,
  });
export const useStudy = (id: string) => useQuery({ queryKey: keys.study(id), queryFn: () => routes.getStudy(id) });
export const useSamples = (id: string) => useQuery({ queryKey: keys.samples(id), queryFn: () => routes.getSamples(id) });
export const useDatasets = (studyId: string) =>
  useQuery({ queryKey: keys.datasets(studyId), queryFn: () => listDatasets(studyId) });
export const useDeletedDatasets = (studyId: string, enabled: boolean) =>
  useQuery({ queryKey: [...keys.datasets(studyId), 'trash'], queryFn: () => listDatasets(studyId, true), enabled });
export const useDataset = (id: string) => useQuery({ queryKey: keys.dataset(id), queryFn: () => getDataset(id) });
export const useGrants = (id: string, enabled: boolean) =>
  useQuery({ queryKey: keys.grants(id), queryFn: () => routes.listGrants(id), enabled });
export const useRevisions = (id: string) =>
  useQuery({ queryKey: keys.revisions(id), queryFn: () => routes.listRevisions(id) });
export const useTokens = () => useQuery({ queryKey: keys.tokens, queryFn: routes.listTokens });
export const useStorages = () => useQuery({ queryKey: keys.storages, queryFn: routes.listStorages });
export const useEntries = (storageId: string, path: string) =>
  useQuery({ queryKey: ['entries', storageId, path], queryFn: () => routes.listEntries(storageId, path) });
export const useUsers = (enabled = true) => useQuery({ queryKey: keys.users, queryFn: routes.listUsers, enabled });
export const useGroups = (enabled = true) => useQuery({ queryKey: keys.groups, queryFn: routes.listGroups, enabled });
export const useFormats = () => useQuery({ queryKey: ['formats'], queryFn: routes.listFormats, staleTime: Infinity });
export const useGeneSets = () => useQuery({ queryKey: keys.geneSets, queryFn: listGeneSets });
export const useAnalyses = () => useQuery({ queryKey: ['analyses'], queryFn: routes.listAnalyses, staleTime: Infinity });

export const useJobs = (studyId?: string) =>
  useQuery({
    queryKey: [...keys.jobs, studyId ?? 'all'],
    queryFn: () => routes.listJobs(studyId ? { study_id: studyId } : {}),
    // Events keep it fresh; this is the net below them.
    refetchInterval: (query) =>
      query.state.data?.some((job) => job.state === 'queued' || job.state === 'running') ? 4000 : 30_000,
  });
export const useJob = (id: string) =>
  useQuery({
    queryKey: keys.job(id),
    queryFn: () => routes.getJob(id),
    refetchInterval: (query) =>
      query.state.data && ['queued', 'running'].includes(query.state.data.state) ? 3000 : false,
  });

export const useFeatureSearch = (dataset: string, table: string, search: string) =>
  useQuery({
    queryKey: ['features', dataset, table, search],
    queryFn: ({ signal }) => searchFeatures(dataset, table, search, signal),
    enabled: search.trim() !== '',
    placeholderData: (before) => before,
    staleTime: 300_000,
  });

/** `version` is the dataset's data version: other data, another key. */
export const valuesQuery = (dataset: string, table: string, feature: string, version: number) => ({
  ...bulk,
  queryKey: ['values', dataset, table, feature, version],
  queryFn: async ({ signal }: { signal: AbortSignal }) => decodeValues(await getFeatureValues(dataset, table, feature, signal)),
});

export const columnQuery = (dataset: string, table: string, column: ColumnRecord) => ({
  ...bulk,
  queryKey: ['column', dataset, table, column.id, column.version],
  queryFn: async ({ signal }: { signal: AbortSignal }) =>
    decodeColumns(await getColumns(dataset, table, [column.name], signal))[0],
});

export const embeddingQuery = (dataset: string, table: string, name: string, version: number) => ({
  ...bulk,
  queryKey: ['embedding', dataset, table, name, version],
  queryFn: async ({ signal }: { signal: AbortSignal }) =>
    decodeEmbedding(name, await getEmbedding(dataset, table, name, signal)),
});

/** The standard terms of the categories of an annotation, with suggestions. */
export const useColumnTerms = (dataset: string, table: string, column: ColumnRecord) =>
  useQuery({
    queryKey: ['terms', dataset, table, column.id, column.version],
    queryFn: ({ signal }) => getColumnTerms(dataset, table, column, signal),
    placeholderData: (before) => before,
  });
export const useOntologies = () => useQuery({ queryKey: ['ontologies'], queryFn: listOntologies, staleTime: Infinity });
export const useTermSearch = (ontology: string, search: string) =>
  useQuery({
    queryKey: ['term-search', ontology, search],
    queryFn: ({ signal }) => searchTerms(ontology, search, signal),
    enabled: ontology !== '' && search.trim() !== '',
    placeholderData: (before) => before,
    staleTime: Infinity,
  });

export const barcodesQuery = (dataset: string, table: string) => ({
  ...bulk,
  queryKey: ['barcodes', dataset, table],
  queryFn: async ({ signal }: { signal: AbortSignal }) => decodeBarcodes(await getBarcodes(dataset, table, signal)),
});

/** Which cells count: the selection as the server takes it, null = all, and a short text that is never one for two. */
export interface AskedCells {
  selection: Selection | null;
  key: string;
}

export const ALL_CELLS: AskedCells = { selection: null, key: '' };

export const summaryQuery = (dataset: string, table: string, asked: SummaryQuery, cells = ALL_CELLS) => ({
  ...bulk,
  queryKey: ['summary', dataset, table, asked, cells.key],
  queryFn: async ({ signal }: { signal: AbortSignal }) => decodeSummary(await getSummary(dataset, table, asked, cells.selection, signal)),
});

export const violinsQuery = (dataset: string, table: string, asked: ViolinQuery, cells = ALL_CELLS) => ({
  ...bulk,
  queryKey: ['violins', dataset, table, asked, cells.key],
  queryFn: async ({ signal }: { signal: AbortSignal }) => decodeViolins(await getViolins(dataset, table, asked, cells.selection, signal)),
});

/** The best markers of each group of an annotation, best first; `version` is the dataset's data version. */
export const markersQuery = (dataset: string, table: string, column: string, limit: number, version: number) => ({
  ...bulk,
  queryKey: ['markers', dataset, table, column, limit, version],
  queryFn: async ({ signal }: { signal: AbortSignal }) => {
    const frame = decodeFrame(await getMarkers(dataset, table, column, limit, signal));
    const [groups, features] = [frame.texts('group'), frame.texts('feature')];
    return groups.map((group, i) => ({ group, feature: features[i] }));
  },
});
