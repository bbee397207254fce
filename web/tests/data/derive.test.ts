/** New files made of files: what is asked for, what is refused before. */

import { describe, expect, it } from 'vitest';
import { deriveProblem, deriveWishes, takenOfAll, withEnding, type DeriveForm, type SourceFile } from '../../src/data/gating/derive';

const file = (id: string, n_events: number | null = 100, channels = ['FSC-A', 'FITC-A']): SourceFile => ({ id, name: `${id}.fcs`, channels, n_events, problem: '' });
const FORM: DeriveForm = {
  isJoined: false, name: '', ending: ' (copy)', population: null, compensation: 'own', sampling: { kind: 'all', amount: 10, seed: 3 }, eventNumber: true, fileNumber: true,
};

describe('new files', () => {
  it('are one copy of each, or one of all; only the latter numbers files', () => {
    const copies = deriveWishes({ ...FORM, sampling: { kind: 'share', amount: 12.5, seed: 3 } }, [file('a'), file('b')]);
    expect(copies.map((w) => [w.dataset_ids, w.filename, w.post_p, w.seed, w.add_event_number, w.add_file_number])).toEqual([[['a'], 'a (copy).fcs', 0.125, 3, true, false], [['b'], 'b (copy).fcs', 0.125, 3, true, false]]);
    const joined = deriveWishes({ ...FORM, isJoined: true, sampling: { kind: 'count', amount: 10, seed: 0 } }, [file('a'), file('b')]);
    expect(joined).toHaveLength(1);
    expect(joined[0]).toMatchObject({ dataset_ids: ['a', 'b'], filename: 'a (joined).fcs', post_n: 10, add_file_number: true });
    expect(deriveWishes({ ...FORM, isJoined: true, name: ' all.fcs ' }, [file('a')])[0].filename).toBe('all.fcs');
    expect(withEnding('060909.001', ' (copy)')).toBe('060909.001 (copy)');
  });

  it('tell how many events they get, as the server rounds', () => {
    const files = [file('a', 7), file('b', 100)];
    expect(takenOfAll(files, { kind: 'count', amount: 10, seed: 0 })).toBe(17);
    expect(takenOfAll(files, { kind: 'share', amount: 50, seed: 0 })).toBe(54);
    expect(takenOfAll([file('a', null)], { kind: 'all', amount: 0, seed: 0 })).toBeNull();
  });

  it('are refused with the reason before they are asked for', () => {
    expect(deriveProblem(FORM, [])).toContain('Choose files');
    expect(deriveProblem(FORM, [file('a'), file('b', 5, ['FSC-A'])])).toBe('');
    expect(deriveProblem({ ...FORM, isJoined: true }, [file('a'), file('b', 5, ['FSC-A'])])).toContain('‘b.fcs’ lacks channels that ‘a.fcs’ has, such as FITC-A');
    expect(deriveProblem({ ...FORM, sampling: { kind: 'count', amount: 0, seed: 0 } }, [file('a')])).toContain('above 0');
    expect(deriveProblem({ ...FORM, sampling: { kind: 'share', amount: 101, seed: 0 } }, [file('a')])).toContain('100 per cent');
    expect(deriveProblem({ ...FORM, sampling: { kind: 'share', amount: 10, seed: Number.NaN } }, [file('a')])).toContain('seed');
    expect(deriveProblem(FORM, [{ ...file('a'), problem: 'It has no channel CD4.' }])).toContain('no channel CD4');
  });
});
