import { describe, expect, it } from 'vitest';
import { recolored } from '../../src/data/legend';
import { isUndoing, toRedo, toUndo, verbText } from '../../src/data/verbs';

describe('verbs of revisions', () => {
  it('are told in words', () => {
    expect(verbText('annotation.change')).toBe('Annotation changed');
    expect(verbText('gate.create')).toBe('Gate added');
    expect(verbText('undo: sample.delete')).toBe('Undone: sample deleted');
    expect(verbText('redo: sample.delete')).toBe('Done again: sample deleted');
    expect(verbText('gate.move_far')).toBe('gate move far');
  });

  it('tell an undoing from a change', () => {
    expect(isUndoing('undo: annotation.add')).toBe(true);
    expect(isUndoing('redo: annotation.add')).toBe(false);
    expect(isUndoing('annotation.add')).toBe(false);
  });
});

/** Revisions as the server keeps them, newest first: 'u' undoes the newest change, 'r' takes the last undoing back. */
function history(steps: string[]) {
  const all: { verb: string; undone_at: string | null }[] = [];
  for (const step of steps) {
    const target = step === 'u' ? toUndo(all) : step === 'r' ? toRedo(all) : null;
    if (target === undefined) throw new Error(`nothing for '${step}'`);
    if (target) target.undone_at = 'now';
    const verb = target ? `undo: ${target.verb}`.replace('undo: undo: ', 'redo: ').replace('undo: redo: ', 'undo: ') : step;
    all.unshift({ verb, undone_at: null });
  }
  return all;
}

describe('undo and redo', () => {
  const next = (...steps: string[]) => [toUndo(history(steps))?.verb, toRedo(history(steps))?.verb];

  it('go back and forth step by step', () => {
    expect(next()).toEqual([undefined, undefined]);
    expect(next('a', 'b')).toEqual(['b', undefined]);
    expect(next('a', 'b', 'u')).toEqual(['a', 'undo: b']);
    expect(next('a', 'b', 'u', 'u')).toEqual([undefined, 'undo: a']);
    expect(next('a', 'b', 'u', 'u', 'r')).toEqual(['redo: a', 'undo: b']);
    expect(next('a', 'b', 'u', 'u', 'r', 'r')).toEqual(['redo: b', undefined]);
    expect(next('a', 'b', 'u', 'u', 'r', 'r', 'u')).toEqual(['redo: a', 'undo: b']);
  });

  it('a new change ends what could be done again, also after it is undone and done again itself', () => {
    expect(next('a', 'b', 'u', 'c')).toEqual(['c', undefined]);
    expect(next('a', 'b', 'u', 'c', 'u')).toEqual(['a', 'undo: c']);
    expect(next('a', 'b', 'u', 'c', 'u', 'r')).toEqual(['redo: c', undefined]);
    expect(next('a', 'u', 'go back: b')).toEqual([undefined, undefined]);
  });

  it('go past marks, which change nothing', () => {
    expect(next('a', 'study.mark')).toEqual(['a', undefined]);
    expect(next('a', 'u', 'study.mark')).toEqual([undefined, 'undo: a']);
    expect(next('study.mark')).toEqual([undefined, undefined]);
  });
});

describe('recolouring one category', () => {
  const entry = (name: string, code: number, color: string) => ({ name, label: name, code, color, count: 1 });

  it('keeps the others as they are shown, and says nothing of cells without a value', () => {
    const entries = [entry('a', 0, '#000001'), entry('b', 1, '#000002'), entry('none', -1, '#cccccc')];
    expect(recolored(entries, 'b', '#ff0000')).toEqual({ a: '#000001', b: '#ff0000' });
  });
});
