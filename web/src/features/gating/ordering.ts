/** What files are sorted and grouped by: their name, events, panel, sample, and what is said about them or their sample. */

import { matchByReagent } from '../../data/gating/axes';
import { plural } from '../../data/words';
import type { GatedFile } from './useGating';

const NO_VALUE = 'No value';

/** '@' and a name stand for an annotation. */
export function valueOf(file: GatedFile, by: string): string | number {
  if (by === 'events') return file.table.n_cells;
  if (by === 'panel') return file.dataset.panel_name || 'Panel 1';
  if (by === 'control') return file.dataset.is_control ? 'Controls' : 'Samples';
  if (by === 'sample') return file.sample || 'No sample';
  if (by.startsWith('@')) return file.annotations[by.slice(1)] ?? NO_VALUE;
  return file.name;
}

/** The value as it is said beside others: a number alone would not tell what it is. */
export function spokenValue(file: GatedFile, by: string): string {
  const value = valueOf(file, by);
  return by.startsWith('@') && typeof value === 'number' ? `${by.slice(1)} ${value}` : String(value);
}

export const compareValues = (a: string | number, b: string | number) =>
  typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', { numeric: true });

export function sortFiles(files: GatedFile[], by: string): GatedFile[] {
  return [...files].sort((a, b) => compareValues(valueOf(a, by), valueOf(b, by)) || compareValues(a.name, b.name));
}

const groupName = (by: string, value: string | number) => (!by.startsWith('@') || value === NO_VALUE ? String(value) : `${by.slice(1)} ${value}`);

export function groupFiles(files: GatedFile[], by: string): { name: string; files: GatedFile[] }[] {
  if (!by) return [{ name: '', files }];
  const names = [...new Set(files.map((f) => valueOf(f, by)))].sort(compareValues);
  return names.map((name) => ({ name: groupName(by, name), files: files.filter((f) => valueOf(f, by) === name) }));
}

/** What files of this study can be grouped by; the id goes to `valueOf`. */
export function groupings(files: GatedFile[], attributes: string[]): { id: string; title: string }[] {
  const isCytometry = files.some((f) => f.panel.length > 0);
  return [
    ...(files.some((f) => f.sample) ? [{ id: 'sample', title: 'sample' }] : []),
    ...(isCytometry ? [{ id: 'panel', title: 'panel' }, { id: 'control', title: 'control or not' }] : []),
    ...attributes.map((name) => ({ id: `@${name}`, title: name })),
  ];
}

/** The first of these axes that a file of cytometry has no channel for; '' = it has all. */
export function missingChannel(file: GatedFile, references: string[]): string {
  if (!file.panel.length) return '';
  const missing = references.find((reference) => reference.startsWith('var:') && !file.panel.some((c) => `var:${c.channel}` === reference));
  return missing?.slice('var:'.length) ?? '';
}

/**
 * Axes of one file as another has them, by reagent; `lacks` is the first that it has not, '' = it has all; `among`: several
 * channels have the reagent of that one, and nobody can tell which is meant.
 */
export function axesIn(file: GatedFile, references: string[], home: GatedFile | null): { axes: string[]; lacks: string; among: string[] } {
  if (!file.panel.length) return { axes: references, lacks: '', among: [] };
  const found = references.map((reference) => (reference ? matchByReagent(reference, home?.panel ?? [], file.panel) : { axis: '', among: [] }));
  const missing = found.findIndex((one) => one.axis === null);
  return { axes: found.map((one, i) => one.axis ?? references[i]), lacks: missing < 0 ? '' : references[missing], among: missing < 0 ? [] : found[missing].among };
}

/** Files that cannot show an axis, in words: those without it, and those that have its reagent on several channels. */
export function lackingWords(label: string, files: { file: GatedFile; among: string[] }[]): { text: string; title: string }[] {
  const [without, several] = [files.filter((f) => f.among.length < 2), files.filter((f) => f.among.length > 1)];
  const titleOf = (list: typeof files) => list.map(({ file, among }) => (among.length > 1 ? `${file.name} (${among.join(', ')})` : file.name)).join(', ');
  return [
    ...(without.length ? [{ text: `${plural(without.length, 'file has', 'files have')} no ${label}: ${namesOf(without.map((f) => f.file))}`, title: titleOf(without) }] : []),
    ...(several.length ? [{ text: `${label} is on several channels (${[...new Set(several.flatMap((f) => f.among))].join(', ')}) of ${plural(several.length, 'file', 'files')}: ${namesOf(several.map((f) => f.file))}`, title: titleOf(several) }] : []),
  ];
}

const MOST_NAMED = 5;

/** 'a.fcs, b.fcs and 3 others' */
export function namesOf(files: GatedFile[]): string {
  const names = files.map((f) => f.name);
  if (names.length <= MOST_NAMED) return names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}` : names.join('');
  return `${names.slice(0, MOST_NAMED - 1).join(', ')} and ${names.length - MOST_NAMED + 1} others`;
}
