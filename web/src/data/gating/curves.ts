/** The parametrised curves of Gating-ML 2.0: logicle (Moore and Parks 2012), hyperlog (Bagwell 2005), and the plain ones. */

export interface Curve {
  forward: (value: number) => number;
  inverse: (place: number) => number;
}

export interface CurveParameters {
  /** Top of the scale, in data units. */
  t: number;
  /** Decades of the almost linear part. */
  w: number;
  /** Decades of the whole scale. */
  m: number;
  /** Further decades of negative values. */
  a: number;
}

const LN10 = Math.LN10;

export function curveOf(type: string, p: CurveParameters): Curve | null {
  if (type === 'logicle') return biexponential(p);
  if (type === 'hyperlog') return hyperlog(p);
  if (type === 'gml-linear') return { forward: (v) => (v + p.a) / (p.t + p.a), inverse: (s) => s * (p.t + p.a) - p.a };
  if (type === 'gml-log') return { forward: (v) => (v > 0 ? Math.log10(v / p.t) / p.m + 1 : -Infinity), inverse: (s) => p.t * 10 ** ((s - 1) * p.m) };
  if (type === 'gml-asinh') {
    const k = Math.sinh(p.m * LN10) / p.t;
    const width = (p.m + p.a) * LN10;
    return { forward: (v) => (Math.asinh(v * k) + p.a * LN10) / width, inverse: (s) => Math.sinh(s * width - p.a * LN10) / k };
  }
  return null;
}

/** d in 2 (ln d − ln b) + w (b + d) = 0, by bisection. */
export function solveD(b: number, w: number): number {
  if (w === 0) return b;
  let low = 0;
  let high = b;
  for (let i = 0; i < 200; i++) {
    const d = (low + high) / 2;
    if (2 * (Math.log(d) - Math.log(b)) + w * (b + d) < 0) low = d;
    else high = d;
  }
  return (low + high) / 2;
}

function biexponential({ t, w: W, m: M, a: A }: CurveParameters): Curve {
  const b = (M + A) * LN10;
  const w = W / (M + A);
  const x2 = A / (M + A);
  const x1 = x2 + w;
  const x0 = x2 + 2 * w;
  const d = solveD(b, w);
  const ca = Math.exp(x0 * (b + d));
  const mfa = Math.exp(b * x1) - ca / Math.exp(d * x1);
  const a = t / (Math.exp(b) - mfa - ca / Math.exp(d));
  const c = ca * a;
  const f = -mfa * a;
  const upper = (x: number) => a * Math.exp(b * x) + f - c * Math.exp(-d * x);
  const slope = (x: number) => a * b * Math.exp(b * x) + c * d * Math.exp(-d * x);
  return mirrored(upper, slope, x1);
}

function hyperlog({ t, w: W, m: M, a: A }: CurveParameters): Curve {
  const b = (M + A) * LN10;
  const w = W / (M + A);
  const x2 = A / (M + A);
  const x1 = x2 + w;
  const ca = Math.exp(b * (x2 + 2 * w)) / w;
  const fa = Math.exp(b * x1) + ca * x1;
  const a = t / (Math.exp(b) + ca - fa);
  const c = ca * a;
  const f = fa * a;
  return mirrored((x) => a * Math.exp(b * x) + c * x - f, (x) => a * b * Math.exp(b * x) + c, x1);
}

const CELLS = 2048;

/**
 * A curve that is told by its inverse above `x1`, where the value is 0, and mirrored below.
 *
 * A table brings the search near, and a few Newton steps end it.
 */
function mirrored(upper: (x: number) => number, slope: (x: number) => number, x1: number): Curve {
  const inverse = (x: number) => (x >= x1 ? upper(x) : -upper(2 * x1 - x));
  const high = Math.max(1, 2 * x1) + 0.2;
  const step = (high - x1) / CELLS;
  const table = Float64Array.from({ length: CELLS + 1 }, (_, i) => upper(x1 + i * step));
  const positive = (v: number) => {
    if (!(v < table[CELLS])) return high;
    let low = 0;
    let top = CELLS;
    while (top - low > 1) {
      const middle = (low + top) >> 1;
      if (table[middle] <= v) low = middle;
      else top = middle;
    }
    let x = x1 + (low + (v - table[low]) / (table[low + 1] - table[low])) * step;
    for (let i = 0; i < 3; i++) x -= (upper(x) - v) / slope(x);
    return x;
  };
  const forward = (v: number) => (Number.isNaN(v) ? NaN : v >= 0 ? positive(v) : 2 * x1 - positive(-v));
  return { forward, inverse };
}
