import { describe, expect, it } from 'vitest';
import { recolored } from '../../src/data/legend';
import { isUndoing, verbText } from '../../src/data/verbs';

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

describe('recolouring one category', () => {
  const entry = (name: string, code: number, color: string) => ({ name, label: name, code, color, count: 1 });

  it('keeps the others as they are shown, and says nothing of cells without a value', () => {
    const entries = [entry('a', 0, '#000001'), entry('b', 1, '#000002'), entry('none', -1, '#cccccc')];
    expect(recolored(entries, 'b', '#ff0000')).toEqual({ a: '#000001', b: '#ff0000' });
  });
});
