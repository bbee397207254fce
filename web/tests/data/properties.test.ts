import { describe, expect, it } from 'vitest';
import { propertiesOf } from '../../src/data/gating/properties';

const samples = [
  { name: 'S10', values: { donor: 'B', dose: 100, treated: true } },
  { name: 'S2', values: { donor: 'A', dose: null, treated: false } },
];
const files = [{ annotations: [{ name: 'dose', value: 20 }, { name: 'plate', value: 'P1' }] }, { annotations: [{ name: 'dose', value: null }, { name: 'plate', value: '' }] }];

describe('what is said about files and samples', () => {
  it('is of files where one has a value of its own, with all values in their order, each once', () => {
    expect(propertiesOf(['plate', 'dose', 'donor', 'treated', 'nothing'], samples, files)).toEqual([
      { name: 'plate', of: 'files', levels: ['P1'] },
      { name: 'dose', of: 'files', levels: [20, 100] },
      { name: 'donor', of: 'samples', levels: ['A', 'B'] },
      { name: 'treated', of: 'samples', levels: [false, true] },
      { name: 'sample', of: 'samples', levels: ['S2', 'S10'] },
    ]);
  });

  it('the sample itself gives way to an attribute of its name, and is not there without samples', () => {
    expect(propertiesOf(['sample'], [{ name: 'S1', values: { sample: 'first' } }], []).map((p) => p.levels)).toEqual([['first']]);
    expect(propertiesOf(['plate'], [], files).map((p) => p.name)).toEqual(['plate']);
  });
});
