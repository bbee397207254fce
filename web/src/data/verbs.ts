/** What a revision did, in words. */

const VERBS: Record<string, string> = {
  'annotation.add': 'Annotation added',
  'annotation.change': 'Annotation changed',
  'annotation.delete': 'Annotation deleted',
  'annotation.publish': 'Annotation published',
  'annotation.terms': 'Standard terms changed',
  'sample.add': 'Sample added',
  'sample.change': 'Sample changed',
  'sample.delete': 'Sample deleted',
  'samples.import': 'Sample table taken in',
  'attribute.add': 'Attribute added',
  'attribute.change': 'Attribute changed',
  'attribute.delete': 'Attribute deleted',
  'gate.create': 'Gate added',
  'gate.change': 'Gate changed',
  'gate.delete': 'Gate deleted',
  'gate.tailor': 'Gate tailored',
  'gate.reset': 'All gates and populations deleted',
  'gate.import': 'Gates read from a file',
  'population.create': 'Population added',
  'population.change': 'Population changed',
  'population.delete': 'Population deleted',
  'compensation.create': 'Compensation added',
  'compensation.change': 'Compensation changed',
  'compensation.delete': 'Compensation deleted',
  'scales.change': 'Scales changed',
  'panel.change': 'Reagents changed',
  'file.annotate': 'File annotated',
  'file.change': 'File changed',
  'study.import': 'Gates brought from another study',
  'study.mark': 'Marked',
};

const PREFIXES: [string, string][] = [
  ['undo: ', 'Undone'],
  ['redo: ', 'Done again'],
  ['go back: ', 'Gone back'],
];

/** True where the revision takes another one back. */
export const isUndoing = (verb: string) => verb.startsWith('undo: ') || verb.startsWith('go back: ');

/** 'Annotation changed' for `annotation.change`, 'Undone: annotation changed' for its undoing. */
export function verbText(verb: string): string {
  const [prefix, said] = PREFIXES.find(([p]) => verb.startsWith(p)) ?? ['', ''];
  const rest = verb.slice(prefix.length);
  const words = VERBS[rest] ?? rest.replace(/[._]/g, ' ');
  return said ? `${said}: ${words.charAt(0).toLowerCase()}${words.slice(1)}` : words;
}

interface Done {
  verb: string;
  undone_at: string | null;
}

const MARK = 'study.mark';

/** The newest change that nobody took back: what undo is about; marks change nothing. `revisions`: newest first. */
export const toUndo = <R extends Done>(revisions: R[]): R | undefined => revisions.find((r) => !r.undone_at && r.verb !== MARK && !isUndoing(r.verb));

/** The undoing that would be taken back next: the last one still in force that no other change came after. */
export function toRedo<R extends Done>(revisions: R[]): R | undefined {
  const undone: R[] = [];
  for (const revision of [...revisions].reverse()) {
    if (revision.verb.startsWith('undo: ')) undone.push(revision);
    else if (revision.verb !== MARK && !revision.verb.startsWith('redo: ')) undone.length = 0;
  }
  return undone.reverse().find((r) => !r.undone_at);
}
