/** Analyses that were started here, and what they made. */

import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { getComparison, listComparisons, startAnalysis } from '../api/analyses';
import { getMarkers } from '../api/datasets';
import { getJob } from '../api/routes';
import type { AnalysisWish } from '../api/analysisTypes';
import type { Job } from '../api/types';
import { decodeFrame } from '../data/frames';
import { keys, refresh } from './queries';

export const ENDED = ['succeeded', 'failed', 'cancelled'];

const bulk = { staleTime: Infinity, gcTime: 300_000, structuralSharing: false } as const;

/** Start analyses of a table and follow the last one; `onDone` hears the job once it has succeeded. */
export function useRun(dataset: string, table: string, onDone?: (job: Job) => void) {
  const [jobId, setJobId] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const told = useRef('');
  const query = useQuery({
    queryKey: keys.job(jobId ?? ''),
    queryFn: () => getJob(jobId ?? ''),
    enabled: jobId !== null,
    // Events tell sooner; this is the net below them.
    refetchInterval: (q) => (q.state.data && !ENDED.includes(q.state.data.state) ? 2000 : false),
  });
  const job = jobId === null ? null : (query.data ?? null);
  useEffect(() => {
    // an event may tell the end before the result has been read
    if (job?.state !== 'succeeded' || !job.result?.elements || told.current === job.id) return;
    told.current = job.id;
    void refresh(keys.dataset(dataset), keys.comparisons(dataset, table), keys.markers(dataset, table), ['markers', dataset, table]);
    onDone?.(job);
  }, [job, dataset, table, onDone]);
  const run = async (wish: AnalysisWish) => {
    setError(null);
    setJobId(null);
    try {
      const made = await startAnalysis(dataset, table, wish);
      setJobId(made.id);
      void refresh(keys.jobs);
    } catch (failure) {
      setError(failure);
    }
  };
  const failure = job?.state === 'failed' ? new Error(job.error?.detail ?? 'The analysis failed') : null;
  return { run, job, busy: jobId !== null && !ENDED.includes(job?.state ?? 'queued'), error: error ?? failure ?? query.error };
}

export const useComparisons = (dataset: string, table: string) =>
  useQuery({ queryKey: keys.comparisons(dataset, table), queryFn: () => listComparisons(dataset, table) });

export const useComparison = (dataset: string, table: string, id: string | null) =>
  useQuery({
    ...bulk,
    queryKey: [...keys.comparisons(dataset, table), id],
    queryFn: async ({ signal }) => decodeFrame(await getComparison(dataset, table, id ?? '', signal)),
    enabled: id !== null,
  });

export const useMarkers = (dataset: string, table: string, column: string, version: number, limit = 50) =>
  useQuery({
    ...bulk,
    queryKey: [...keys.markers(dataset, table), column, version, limit],
    queryFn: async ({ signal }) => decodeFrame(await getMarkers(dataset, table, column, limit, signal)),
    enabled: column !== '',
    retry: false,
  });
