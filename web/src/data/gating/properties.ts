/** What is said about the files of a study and about its samples: all events of a file have it, so populations can be made of it. */

export type Level = string | number | boolean;
type Value = Level | null;

export interface Property {
  name: string;
  /** Files that have a value of their own go before their samples. */
  of: 'files' | 'samples';
  levels: Level[];
}

/** The name of the sample itself, unless an attribute is called so. */
const SAMPLE = 'sample';

interface SampleLike {
  name: string;
  values: Record<string, Value>;
}

interface FileLike {
  annotations: { name: string; value: Value }[];
}

/** @param attributes names of those of the study, in its order */
export function propertiesOf(attributes: string[], samples: SampleLike[], files: FileLike[]): Property[] {
  const found = attributes.flatMap((name): Property[] => {
    const own = distinct(files.flatMap((file) => file.annotations.filter((a) => a.name === name).map((a) => a.value)));
    const levels = distinct([...own, ...samples.map((sample) => sample.values[name])]);
    return levels.length ? [{ name, of: own.length ? 'files' : 'samples', levels }] : [];
  });
  if (!samples.length || attributes.includes(SAMPLE)) return found;
  return [...found, { name: SAMPLE, of: 'samples', levels: distinct(samples.map((sample) => sample.name)) }];
}

function distinct(values: (Value | undefined)[]): Level[] {
  const known = values.filter((v): v is Level => v != null && v !== '');
  return [...new Map(known.map((v) => [String(v), v])).values()].sort((a, b) => String(a).localeCompare(String(b), 'en', { numeric: true }));
}
