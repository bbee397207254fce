/** Forms made of the registry's parameters: what stands in the fields, and what is sent. */

/** A parameter as the registry describes it. */
export interface FormParameter {
  name: string;
  type: string;
  default: unknown;
  minimum?: number | null;
  maximum?: number | null;
  choices?: unknown[] | null;
  names?: string;
  required?: boolean;
}

/** What a field holds: text of numbers and texts, a switch, a list of names. */
export type FieldValue = string | boolean | string[];
export type FormValues = Record<string, FieldValue>;

export type FieldKind = 'switch' | 'number' | 'numbers' | 'choice' | 'choices' | 'name' | 'names' | 'text' | 'texts' | 'none';

/** What kind of field a parameter gets; 'none' = it is chosen elsewhere on the page and keeps its default here. */
export function fieldKind(p: FormParameter): FieldKind {
  const list = p.type === 'strings';
  if (p.type === 'boolean') return 'switch';
  if (p.type === 'number' || p.type === 'integer') return 'number';
  if (p.type === 'numbers') return 'numbers';
  if (p.type !== 'string' && !list) return 'none';
  if (p.choices?.length) return list ? 'choices' : 'choice';
  if (p.names) return list ? 'names' : 'name';
  return list ? 'texts' : 'text';
}

const textOf = (value: unknown): string => (value === null || value === undefined ? '' : String(value));

/** The defaults, as the fields show them. */
export function initialValues(parameters: FormParameter[]): FormValues {
  return Object.fromEntries(
    parameters.filter((p) => fieldKind(p) !== 'none').map((p): [string, FieldValue] => {
      const kind = fieldKind(p);
      if (kind === 'switch') return [p.name, p.default === true];
      const list = Array.isArray(p.default) ? (p.default as unknown[]) : [];
      if (kind === 'numbers' || kind === 'texts') return [p.name, list.map(textOf).join(', ')];
      if (kind === 'choices' || kind === 'names') return [p.name, list.map(textOf)];
      return [p.name, textOf(p.default)];
    }),
  );
}

const split = (text: string) => text.split(/[\s,;]+/).filter(Boolean);

/** Within which bounds a number has to lie, in words; empty where there are none. */
export function boundsText(p: FormParameter): string {
  const { minimum: low, maximum: high } = p;
  if (low != null && high != null) return `${low} to ${high}`;
  if (low != null) return `at least ${low}`;
  return high != null ? `at most ${high}` : '';
}

function numberFault(p: FormParameter, text: string): string {
  const value = Number(text);
  const whole = p.type === 'integer' && !Number.isInteger(value);
  const outside = (p.minimum != null && value < p.minimum) || (p.maximum != null && value > p.maximum);
  if (!Number.isFinite(value)) return `‘${text}’ is no number`;
  if (whole) return 'a whole number is needed';
  return outside ? `has to be ${boundsText(p)}` : '';
}

/** Why a field cannot be sent; empty where it can. */
export function fieldFault(p: FormParameter, value: FieldValue | undefined): string {
  const kind = fieldKind(p);
  if (kind === 'none' || kind === 'switch') return '';
  const empty = Array.isArray(value) ? value.length === 0 : String(value ?? '').trim() === '';
  if (empty) {
    if (p.required) return 'is needed';
    if (kind === 'number' && p.default !== null) return 'a number is needed';
    return kind === 'numbers' && Array.isArray(p.default) && p.default.length > 0 ? 'at least one number is needed' : '';
  }
  if (kind === 'number') return numberFault(p, String(value));
  if (kind === 'numbers') return split(String(value)).map((text) => numberFault(p, text)).find(Boolean) ?? '';
  return '';
}

/** What is sent: only what differs from the defaults, and what is needed. */
export function toParameters(parameters: FormParameter[], values: FormValues): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  const start = initialValues(parameters);
  for (const p of parameters) {
    const kind = fieldKind(p);
    const value = values[p.name];
    if (kind === 'none' || value === undefined) continue;
    if (!p.required && JSON.stringify(value) === JSON.stringify(start[p.name])) continue;
    if (kind === 'number') out[p.name] = String(value).trim() === '' ? null : Number(value);
    else if (kind === 'numbers') out[p.name] = split(String(value)).map(Number);
    else if (kind === 'texts') out[p.name] = String(value).split(/[\n,;]+/).map((t) => t.trim()).filter(Boolean);
    else out[p.name] = value;
  }
  return out;
}
