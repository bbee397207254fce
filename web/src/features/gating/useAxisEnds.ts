/** The ends of a plot's axes: those of the scale, else those of all events of the file, with some air. */

import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { extent } from '../../data/columns';
import type { Point } from '../../data/gating/geometry';
import type { Scale } from '../../data/gating/scales';
import { eventsQuery, NO_SOURCE } from '../../state/gating/queries';
import type { GatedFile, GatingState } from './useGating';

const AIR = 0.04;
/** Enough events to find the ends by; the same in every plot, so that it is asked once. */
const SAMPLE = 50_000;

export function endsOf(scale: Scale, values: Float32Array | undefined): Point {
  if (scale.range) return scale.range[1] > scale.range[0] ? scale.range : [scale.range[0], scale.range[0] + 1];
  const [low, high] = values ? extent(values) : [0, 1];
  const air = (high - low || 1) * AIR;
  return [low - air, high + air];
}

export function useAxisEnds(state: GatingState, x: string, y: string, file: GatedFile | null = state.file): { x: Point; y: Point } {
  const free = [...new Set([x, y])].filter((reference) => reference && !state.scaleFor(reference).range);
  const source = file ? state.sourceOf(file, null) : NO_SOURCE;
  const query = useQuery({ ...eventsQuery(source, { axes: free, population: null, compensation: state.layout.compensation, n: SAMPLE }), enabled: file !== null && free.length > 0 });
  const [scaleX, scaleY] = [state.scaleFor(x), state.scaleFor(y)];
  return useMemo(() => ({ x: endsOf(scaleX, query.data?.axes.get(x)), y: endsOf(scaleY, query.data?.axes.get(y)) }), [scaleX, scaleY, query.data, x, y]);
}
