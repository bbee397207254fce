/** An inspection while it runs, and the cells that it measured. */

import { useQuery } from '@tanstack/react-query';
import { getInspectedCells } from '../api/inspections';
import { getJob } from '../api/routes';
import { decodeFrame } from '../data/frames';
import type { CellMeasures } from '../data/quality';
import { keys } from './queries';

const OPEN = ['queued', 'running'];

export function decodeCells(bytes: Uint8Array): CellMeasures {
  const frame = decodeFrame(bytes);
  return {
    n: frame.length,
    n_counts: frame.numbers('n_counts'),
    n_genes: frame.numbers('n_genes'),
    mito_share: frame.numbers('mito_share'),
  };
}

/** The job of an inspection, and its cells once it has succeeded; `null` = none was asked for. */
export function useInspection(jobId: string | null) {
  const job = useQuery({
    queryKey: keys.job(jobId ?? ''),
    queryFn: () => getJob(jobId ?? ''),
    enabled: jobId !== null,
    // Events tell sooner; this is the net below them.
    refetchInterval: (query) => (query.state.data && OPEN.includes(query.state.data.state) ? 2000 : false),
  });
  const cells = useQuery({
    queryKey: ['inspection', jobId],
    queryFn: async ({ signal }) => decodeCells(await getInspectedCells(jobId ?? '', signal)),
    enabled: jobId !== null && job.data?.state === 'succeeded',
    staleTime: Infinity,
    gcTime: 300_000,
    structuralSharing: false,
  });
  return { job: job.data ?? null, cells: cells.data ?? null, error: job.error ?? cells.error };
}
