/**
 * How values become places on an axis: the same formulas as the server's, for what the page draws at once.
 *
 * linear, log and arcsinh as CellEngine documents them; the others as Gating-ML 2.0 (ISAC, 2013) defines them.
 */

import { biexponentialTable, tableCurve } from './biexponential';
import { curveOf, type Curve } from './curves';

/** A scale as the server spells it. */
export interface ScaleJson {
  type: string;
  [parameter: string]: number | string | null | undefined;
}

export interface Scale {
  json: ScaleJson | null;
  /** Data value to place on the axis; limited to the scale's range first, where it has one. */
  forward: (value: number) => number;
  /** The same without limits. */
  unlimited: (value: number) => number;
  inverse: (place: number) => number;
  /** Ends of the axis in places; null where the axis has no scale and the data decide. */
  range: [number, number] | null;
}

export const IDENTITY: Scale = { json: null, forward: (v) => v, unlimited: (v) => v, inverse: (s) => s, range: null };

const LEAST = 1.1754943508222875e-38;

/** The numbers of a scale that people set, with what they mean. */
export interface ScaleField {
  name: string;
  label: string;
  help: string;
  standard: number;
}

const MINIMUM: ScaleField = { name: 'minimum', label: 'Minimum', help: 'Lower end of the axis, in data units; lower values are taken as this.', standard: -200 };
const MAXIMUM: ScaleField = { name: 'maximum', label: 'Maximum', help: 'Upper end of the axis, in data units; higher values are taken as this.', standard: 262144 };
const T: ScaleField = { name: 't', label: 'Top (T)', help: 'The highest value of the axis, in data units.', standard: 262144 };
const W: ScaleField = { name: 'w', label: 'Linear decades (W)', help: 'Width of the part around zero that is almost linear.', standard: 0.5 };
const M: ScaleField = { name: 'm', label: 'Decades (M)', help: 'Width of the axis in decades.', standard: 4.5 };
const A: ScaleField = { name: 'a', label: 'Negative decades (A)', help: 'Further decades below zero.', standard: 0 };

export const SCALE_TYPES: { type: string; label: string; fields: ScaleField[] }[] = [
  { type: 'linear', label: 'Linear', fields: [{ ...MINIMUM, standard: 0 }, MAXIMUM] },
  { type: 'log', label: 'Logarithmic', fields: [{ ...MINIMUM, standard: 1 }, MAXIMUM] },
  { type: 'arcsinh', label: 'Arcsinh', fields: [MINIMUM, MAXIMUM, { name: 'cofactor', label: 'Cofactor', help: 'Values much below it are drawn linearly, values above logarithmically. Fluorescence 150, mass 5.', standard: 150 }] },
  { type: 'logicle', label: 'Logicle', fields: [T, W, M, A] },
  {
    type: 'biexponential',
    label: 'Biexponential (FlowJo)',
    fields: [
      { name: 'top', label: 'Top', help: 'The highest value of the axis, in data units.', standard: 262144 },
      { name: 'positive', label: 'Positive decades', help: 'Decades above zero.', standard: 4.41854 },
      { name: 'negative', label: 'Negative decades', help: 'Further decades below zero.', standard: 0 },
      { name: 'width', label: 'Width basis', help: 'Below zero; the further below, the wider the almost linear part.', standard: -10 },
    ],
  },
  { type: 'hyperlog', label: 'Hyperlog', fields: [T, { ...W, standard: 1 }, M, A] },
  { type: 'gml-asinh', label: 'Gating-ML arcsinh', fields: [T, M, { ...A, standard: 1 }] },
  { type: 'gml-log', label: 'Gating-ML logarithmic', fields: [T, M] },
  { type: 'gml-linear', label: 'Gating-ML linear', fields: [T, A] },
];

export const scaleTypeOf = (type: string) => SCALE_TYPES.find((known) => known.type === type);

const asNumber = (json: ScaleJson, name: string, other: number) => {
  const given = json[name] ?? json[name.toUpperCase()];
  return typeof given === 'number' && Number.isFinite(given) ? given : other;
};

/** A scale of another type for the same axis, with what can be kept kept. */
export function convertScale(json: ScaleJson | null, type: string, low: number, high: number): ScaleJson {
  const fields = scaleTypeOf(type)?.fields ?? [];
  const top = json ? (asNumber(json, 'maximum', NaN) || asNumber(json, 't', NaN) || asNumber(json, 'top', NaN)) : NaN;
  const out: ScaleJson = { type };
  for (const field of fields) {
    const kept = json ? asNumber(json, field.name, NaN) : NaN;
    let value = Number.isNaN(kept) ? field.standard : kept;
    if (['maximum', 't', 'top'].includes(field.name) && Number.isNaN(kept)) value = Number.isNaN(top) ? high : top;
    if (field.name === 'minimum' && type === 'linear' && !json) value = low;
    if (field.name === 'minimum' && type === 'log' && !(value > 0)) value = 1;
    out[field.name] = value;
  }
  return out;
}

/** Why a scale cannot be, in a sentence; '' where it can. */
export function scaleProblem(json: ScaleJson): string {
  const n = (name: string) => asNumber(json, name, NaN);
  for (const field of scaleTypeOf(json.type)?.fields ?? []) if (Number.isNaN(n(field.name))) return `${field.label} has to be a number.`;
  if (['linear', 'log', 'arcsinh'].includes(json.type) && !(n('maximum') > n('minimum'))) return 'The maximum has to lie above the minimum.';
  if (json.type === 'log' && !(n('minimum') > 0)) return 'The minimum of a logarithmic axis has to lie above 0.';
  if (json.type === 'arcsinh' && !(n('cofactor') > 0)) return 'The cofactor has to lie above 0.';
  if ('t' in json && !(n('t') > 0)) return 'The top has to lie above 0.';
  if ('m' in json && !(n('m') > 0)) return 'The number of decades has to lie above 0.';
  if (json.type === 'logicle' && !(n('w') >= 0 && 2 * n('w') <= n('m') && n('a') >= -n('w') && n('a') <= n('m') - 2 * n('w')))
    return 'W has to lie between 0 and half of M, and A between −W and M − 2W.';
  if (json.type === 'biexponential' && !(n('top') > 0 && n('positive') > 0 && n('width') < 0)) return 'Top and positive decades have to lie above 0, the width below.';
  return '';
}

/** A scale from its function: limited to the minimum and maximum that are given, drawn from end to end of what it is made for. */
function limited(json: ScaleJson, curve: Curve, natural: [number, number]): Scale {
  const [low, high] = [asNumber(json, 'minimum', -Infinity), asNumber(json, 'maximum', Infinity)];
  const ends = [low === -Infinity ? natural[0] : low, high === Infinity ? natural[1] : high];
  return {
    json,
    forward: (v) => curve.forward(v < low ? low : v > high ? high : v),
    unlimited: curve.forward,
    inverse: curve.inverse,
    range: [curve.forward(ends[0]), curve.forward(ends[1])],
  };
}

/** The scale that the server's words describe; an axis that is not named is taken as it is. */
export function scaleOf(json: ScaleJson | null | undefined): Scale {
  if (!json) return IDENTITY;
  const n = (name: string, other: number) => asNumber(json, name, other);
  const [minimum, maximum] = [n('minimum', 0), n('maximum', 1)];
  if (json.type === 'linear') return limited(json, { forward: (v) => v, inverse: (s) => s }, [minimum, maximum]);
  if (json.type === 'log') return limited(json, { forward: (v) => Math.log10(Math.max(LEAST, v)), inverse: (s) => 10 ** s }, [minimum, maximum]);
  if (json.type === 'arcsinh') {
    const cofactor = n('cofactor', 150);
    return limited(json, { forward: (v) => Math.asinh(v / cofactor), inverse: (s) => Math.sinh(s) * cofactor }, [minimum, maximum]);
  }
  if (json.type === 'biexponential') {
    const curve = tableCurve(biexponentialTable({ top: n('top', 262144), positive: n('positive', 4.41854), negative: n('negative', 0), width: n('width', -10) }));
    return limited(json, curve, [curve.inverse(0), n('top', 262144)]);
  }
  const curve = curveOf(json.type, { t: n('t', 262144), w: n('w', 0.5), m: n('m', 4.5), a: n('a', 0) });
  return curve ? limited(json, curve, [curve.inverse(0), curve.inverse(1)]) : { ...IDENTITY, json };
}

/** Places of many values; NaN stays NaN. */
export function place(scale: Scale, values: Float32Array): Float32Array {
  const out = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) out[i] = scale.forward(values[i]);
  return out;
}
