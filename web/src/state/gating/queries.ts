/** What the gating workspace reads from the server. */

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { listAnnotatedFiles } from '../../api/annotations';
import { countPopulations, getEvents, getScales, getStatistics, listCompensations, listGates, listPopulations, listSavedTables, type EventsQuery, type StatisticsQuery } from '../../api/gating';
import { decodeFrame } from '../../data/frames';
import { keys, refresh } from '../queries';

export const gatingKeys = {
  gates: (studyId: string) => ['gates', studyId],
  populations: (studyId: string) => ['populations', studyId],
  scales: (studyId: string) => ['scales', studyId],
  compensations: (studyId: string) => ['compensations', studyId],
  counts: (studyId: string) => ['population-counts', studyId],
  statistics: (studyId: string) => ['statistics', studyId],
};

/** What a change of gates, populations, scales or compensations touches. */
export const gatingLists = (studyId: string) => [...Object.values(gatingKeys).map((key) => key(studyId)), ['revisions', studyId]];

/** Read that afresh. */
export const refreshGating = (studyId: string) => refresh(...gatingLists(studyId));

export const useGates = (studyId: string) => useQuery({ queryKey: gatingKeys.gates(studyId), queryFn: ({ signal }) => listGates(studyId, signal) });
export const usePopulations = (studyId: string) => useQuery({ queryKey: gatingKeys.populations(studyId), queryFn: ({ signal }) => listPopulations(studyId, signal) });
export const useScales = (studyId: string) => useQuery({ queryKey: gatingKeys.scales(studyId), queryFn: ({ signal }) => getScales(studyId, signal) });
export const useCompensations = (studyId: string) => useQuery({ queryKey: gatingKeys.compensations(studyId), queryFn: ({ signal }) => listCompensations(studyId, signal) });

/** Read with the samples: an annotation is a value of an attribute of the study. */
export const useAnnotatedFiles = (studyId: string, enabled: boolean) =>
  useQuery({ queryKey: [...keys.samples(studyId), 'files'], queryFn: ({ signal }) => listAnnotatedFiles(studyId, signal), enabled });

/** `token` says what the counts depend on: other gates, another key; the last ones stay while new ones are counted. */
export const useCounts = (studyId: string, datasetIds: string[], table: string, compensation: string, token: string, populationIds?: string[]) =>
  useQuery({
    queryKey: [...gatingKeys.counts(studyId), datasetIds, table, compensation, token, populationIds],
    queryFn: ({ signal }) => countPopulations(studyId, { dataset_ids: datasetIds, population_ids: populationIds, compensation, table }, signal),
    enabled: datasetIds.length > 0,
    placeholderData: keepPreviousData,
  });

export const useStatistics = (studyId: string, asked: StatisticsQuery, token: string, enabled: boolean) =>
  useQuery({
    queryKey: [...gatingKeys.statistics(studyId), asked, token],
    queryFn: ({ signal }) => getStatistics(studyId, asked, signal),
    enabled,
    placeholderData: keepPreviousData,
  });

export const savedTablesKey = (studyId: string) => ['saved-tables', studyId];
export const useSavedTables = (studyId: string) => useQuery({ queryKey: savedTablesKey(studyId), queryFn: ({ signal }) => listSavedTables(studyId, signal) });

export interface EventSource {
  dataset: string;
  table: string;
  version: number;
  /** What the events of the population depend on. */
  token: string;
  /** What the file is compensated by unless something else is asked for. */
  compensation: string;
  /** The version of each matrix of the study, by its id. */
  matrices: Record<string, number>;
}

/** Of no file, where nothing is asked for. */
export const NO_SOURCE: EventSource = { dataset: '', table: '', version: 0, token: '', compensation: '', matrices: {} };

/** The matrix behind the values as it is now: a file may be given another, and a matrix be edited. */
function matrixOf(source: EventSource, asked: string): string {
  const id = asked === 'own' ? source.compensation : asked;
  return `${id} ${source.matrices[id] ?? ''}`;
}

/** Some events of a population on some axes, in data units. */
export interface Events {
  axes: Map<string, Float32Array>;
  /** How many were sent. */
  length: number;
}

export const eventsQuery = (source: EventSource, asked: EventsQuery) => ({
  queryKey: ['gating-events', source.dataset, source.table, source.version, source.token, matrixOf(source, asked.compensation), asked],
  queryFn: async ({ signal }: { signal: AbortSignal }): Promise<Events> => {
    const frame = decodeFrame(await getEvents(source.dataset, source.table, asked, signal));
    return { axes: new Map(asked.axes.map((axis) => [axis, frame.floats(axis)])), length: frame.length };
  },
  staleTime: Infinity,
  gcTime: 120_000,
  structuralSharing: false as const,
});
