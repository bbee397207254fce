/** The lookup table behind FlowJo's biexponential axis: a logicle in 4,096 whole channels, as cytolib and FlowKit give it. */

import { solveD, type Curve } from './curves';

const CHANNELS = 4096;

export interface BiexponentialParameters {
  top: number;
  positive: number;
  negative: number;
  /** Below zero. */
  width: number;
}

/** The data value of each channel, 4,097 of them. */
export function biexponentialTable({ top, positive, negative, width }: BiexponentialParameters): Float64Array {
  const basis = Math.log10(-width);
  let decades = positive - basis / 2;
  const extra = Math.max(negative, 0) + basis / 2;
  const zero = Math.min(Math.trunc((extra * CHANNELS) / (extra + decades)), CHANNELS / 2);
  if (zero > 0) decades = (extra * CHANNELS) / zero;
  const w = basis / (2 * decades);
  const b = Math.LN10 * decades;
  const d = solveD(b, w);
  const a = top / Math.exp(b);
  const fall = Math.exp((b + d) * (w + extra / decades));
  const rising = (i: number) => Math.exp((i / (CHANNELS + 1)) * b) - Math.exp((-i / (CHANNELS + 1)) * d) * fall;
  const points = Float64Array.from({ length: CHANNELS + 1 }, (_, i) => a * (rising(i) - rising(zero)));
  for (let i = 0; i < zero; i++) points[i] = -points[2 * zero - i];
  return points;
}

/** Between the points of a rising table straight lines; beyond them its ends. */
export function tableCurve(points: Float64Array): Curve {
  const last = points.length - 1;
  return {
    forward: (v) => {
      if (Number.isNaN(v)) return NaN;
      if (v <= points[0]) return 0;
      if (v >= points[last]) return last;
      let [low, high] = [0, last];
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (points[middle] <= v) low = middle;
        else high = middle;
      }
      return low + (v - points[low]) / (points[high] - points[low]);
    },
    inverse: (s) => {
      const i = Math.min(last - 1, Math.max(0, Math.floor(s)));
      return points[i] + (points[i + 1] - points[i]) * (Math.min(last, Math.max(0, s)) - i);
    },
  };
}
