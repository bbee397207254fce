/** What a table of statistics is asked for as: formulas as they are typed, and the settings of the view. */

import type { SavedTable, StatisticsQuery } from '../../../api/gating';

export const INITIAL_TABLE = {
  populations: ['*'], channels: ['*'], files: ['*'], statistics: ['event_count', 'percent', 'median'],
  of: 'parent', q: 0.5, formulas: '', beads: '', added: 0, volume: 0, sort: 'file', down: false,
};
/** What is chosen in the view; '*' stands for what is usual, '' among populations for all events. */
export type TableChoice = typeof INITIAL_TABLE;

export interface FormulaLine {
  /** From 0. */
  line: number;
  name: string;
  formula: string;
  /** Where the formula starts in its line, from 0. */
  start: number;
}

export interface LineProblem {
  /** From 0. */
  line: number;
  /** Where in the line, from 0; null = the whole line. */
  at: number | null;
  text: string;
}

/** Lines 'name = formula'; empty ones count for nothing. */
export function readFormulas(text: string): { formulas: FormulaLine[]; problems: LineProblem[] } {
  const formulas: FormulaLine[] = [];
  const problems: LineProblem[] = [];
  text.split('\n').forEach((whole, line) => {
    if (!whole.trim()) return;
    const equals = whole.indexOf('=');
    const name = whole.slice(0, Math.max(0, equals)).trim();
    const formula = whole.slice(equals + 1).trim();
    const wrong = (what: string) => problems.push({ line, at: null, text: what });
    if (equals < 0 || !name) wrong('Write a name, =, and a formula.');
    else if (!formula) wrong(`Write a formula after ‘${name} =’.`);
    else if (formulas.some((f) => f.name === name)) wrong(`Another formula is called ‘${name}’.`);
    else formulas.push({ line, name, formula, start: equals + 1 + whole.slice(equals + 1).search(/\S/) });
  });
  return { formulas, problems };
}

export const writeFormulas = (formulas: Record<string, string>) => Object.entries(formulas).map(([name, formula]) => `${name} = ${formula}`).join('\n');

/** The line that a refusal of the server is about; null = none of them. */
export function problemAt(formulas: FormulaLine[], error: { message: string; where: string; position: number | null }): LineProblem | null {
  const named = formulas.find((f) => error.where === `formula '${f.name}'`) ?? formulas.find((f) => error.message.startsWith(`'${f.name}'`));
  if (named) return { line: named.line, at: error.position === null ? null : named.start + error.position - 1, text: error.message };
  const quoted = [...error.message.matchAll(/'(?:var:)?([^']+)'/g)].map((m) => m[1]);
  const naming = formulas.filter((f) => quoted.some((word) => f.formula.includes(word)));
  return naming.length === 1 ? { line: naming[0].line, at: null, text: error.message } : null;
}

/** Whether events per µL are asked for. */
export const asksVolume = (choice: TableChoice) => choice.statistics.includes('events_per_ul') || choice.formulas.includes('events_per_ul');

export interface Known {
  populations: ReadonlySet<string>;
  files: ReadonlySet<string>;
  channels: ReadonlySet<string>;
  compensations: ReadonlySet<string>;
}

/** The settings that show a kept table again, and what of it is no longer there, in words. */
export function choiceOf(saved: SavedTable['statistics'], known: Known): { choice: Partial<TableChoice>; compensation: StatisticsQuery['compensation']; missing: string[] } {
  const missing: string[] = [];
  const kept = (words: string, ids: string[], there: ReadonlySet<string>) => {
    const found = ids.filter((id) => there.has(id));
    if (found.length < ids.length) missing.push(`${ids.length - found.length} ${words}`);
    return found;
  };
  const populations = kept('of its populations', (saved.population_ids ?? [null]).map((id) => id ?? ''), new Set(['', ...known.populations]));
  const files = saved.dataset_ids ? kept('of its files', saved.dataset_ids, known.files) : ['*'];
  const channels = saved.axes?.length ? kept('of its channels', saved.axes, known.channels) : ['*'];
  const [of = 'parent'] = saved.percent_of ?? [];
  const isOf = ['parent', 'grandparent', 'total'].includes(of) || known.populations.has(of);
  if (!isOf) missing.push('what its percents are of');
  const beads = saved.beads && known.populations.has(saved.beads.population_id) ? saved.beads : null;
  if (saved.beads && !beads) missing.push('its population of beads');
  const said = saved.compensation ?? 'own';
  const isSaid = ['none', 'internal', 'own'].includes(said) || known.compensations.has(said);
  if (!isSaid) missing.push('its compensation');
  return {
    choice: {
      populations, files, channels, statistics: saved.statistics ?? [], of: isOf ? of : 'parent', q: saved.q ?? 0.5, formulas: writeFormulas(saved.formulas ?? {}),
      beads: beads?.population_id ?? '', added: beads?.n_added ?? 0, volume: beads?.volume_ul ?? 0,
    },
    compensation: isSaid ? said : 'own',
    missing,
  };
}
