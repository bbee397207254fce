/** Some events of files, all channels, as measured: what is bright in them is told from these. */

import { useQueries } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { ControlFile } from '../../../data/gating/controls';
import { eventsQuery } from '../../../state/gating/queries';
import type { GatedFile, GatingState } from '../useGating';

const EVENTS = 2_000;
/** Of so many files events are read. */
const MOST_FILES = 60;

/** Null until all are here. */
export function useColumns(state: GatingState, files: GatedFile[], channels: string[]): ControlFile[] | null {
  const asked = { axes: channels.map((c) => `var:${c}`), population: null, compensation: 'none', n: EVENTS };
  const read = files.slice(0, MOST_FILES);
  const answers = useQueries({ queries: read.map((file) => ({ ...eventsQuery(state.sourceOf(file, null), asked), retry: false, enabled: channels.length > 0 })) });
  const token = `${asked.axes.join()} ${answers.map((a, i) => `${read[i].key} ${a.dataUpdatedAt}`).join('|')}`;
  const isReady = answers.length > 0 && answers.every((a) => a.data);
  return useMemo(
    () => (isReady ? read.map((f, i) => ({ key: f.dataset.id, name: f.name, columns: asked.axes.map((axis) => answers[i].data?.axes.get(axis) ?? new Float32Array(0)) })) : null),
    // the token says which answers have come
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [token, isReady],
  );
}
