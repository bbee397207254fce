/** Spillover matrices, and which file is the control of which channel. */

import { describe, expect, it } from 'vitest';
import { brightestDetector, channelInName, dyeInName, guessControls, guessDyes, oneOfEachDetector } from '../../src/data/gating/controls';
import { compensated, compensatedLazily, inverted, matrixCsv, matrixNumber, mostSpilling, parseMatrixCsv, pasteInto, spillOf } from '../../src/data/gating/spill';
import { seeded } from './random';

const CHANNELS = [{ channel: 'FITC-A', reagent: 'CD4' }, { channel: 'PE-A', reagent: '' }, { channel: 'PE-Cy7-A', reagent: 'CD8' }];

describe('a matrix', () => {
  it('is written short enough for its cells', () => {
    expect([100, 71.3649, 4.737, 0.04844, 0.003875, -0.00001].map(matrixNumber)).toEqual(['100', '71.36', '4.737', '0.0484', '0.0039', '0']);
  });

  it('is that of the file, under any of its names', () => {
    const keywords = [{ name: '$TOT', value: '9' }, { name: 'spill', value: '2,FITC-A,PE-A,1,0.2,0.01,1' }];
    expect(spillOf(keywords)).toEqual({ channels: ['FITC-A', 'PE-A'], matrix: [1, 0.2, 0.01, 1] });
    expect(spillOf([{ name: 'SPILL', value: '2,FITC-A,PE-A,1,0.2' }])).toBeNull();
    expect(spillOf([])).toBeNull();
  });

  it('takes a block of a spreadsheet from a cell on, and leaves out what lies beyond or is no number', () => {
    expect([...pasteInto(3, 4, '100\t12.5 %\t9\n\tx\n')]).toEqual([[4, 1], [5, 0.125]]);
    expect([...pasteInto(2, 0, '1;2\n3;4')]).toEqual([[0, 0.01], [1, 0.02], [2, 0.03], [3, 0.04]]);
  });

  it('shows first the channels that spill or are spilled into', () => {
    const matrix = [1, 0, 0, 0.3, 0, 1, 0, 0, 0, -0.1, 1, 0, 0, 0, 0, 1];
    expect(mostSpilling(matrix, 4, 2)).toEqual([0, 3]);
    expect(mostSpilling(matrix, 4, 3)).toEqual([0, 1, 3]);
    expect(mostSpilling(matrix, 4, 9)).toEqual([0, 1, 2, 3]);
  });

  it('goes out as CSV and comes back', () => {
    const matrix = [1, 0.2, 0.01, 1];
    expect(parseMatrixCsv(matrixCsv(['A, 1', 'B'].map((c) => c.replace(', ', ' ')), matrix))).toEqual({ channels: ['A 1', 'B'], matrix });
  });

  it('takes spilled light out again, channel by channel', () => {
    const dyes = [Float32Array.of(1000, 0, 500), Float32Array.of(0, 2000, 700)];
    const matrix = [1, 0.25, 0.1, 1];
    const seen = [0, 1].map((j) => dyes[0].map((_, e) => dyes[0][e] * matrix[j] + dyes[1][e] * matrix[2 + j]));
    const inverse = inverted(matrix, 2)!;
    const lazily = compensatedLazily(seen, inverse);
    for (const j of [0, 1]) {
      [...dyes[j]].forEach((value, e) => expect(lazily(j)[e]).toBeCloseTo(value, 2));
      expect(lazily(j)).toEqual(compensated(seen, inverse, j));
      expect(lazily(j)).toBe(lazily(j));
    }
  });
});

describe('controls', () => {
  const random = seeded(4);
  const light = (level: number) => Float32Array.from({ length: 400 }, () => level * (0.8 + 0.4 * random()));
  const file = (name: string, levels: number[]) => ({ key: name, name, columns: levels.map(light) });

  it('are found by what is bright in them, whatever they are called', () => {
    const files = [file('001', [10, 12, 9]), file('002', [9000, 2500, 40]), file('003', [300, 8000, 400]), file('004', [12, 700, 20000])];
    const { controls, unstained } = guessControls(files, CHANNELS);
    expect(Object.fromEntries(controls)).toEqual({ 'FITC-A': '002', 'PE-A': '003', 'PE-Cy7-A': '004' });
    expect(unstained).toBe('001');
  });

  it('are found by name before that', () => {
    const files = [file('Unstained.fcs', [10, 900, 9]), file('CD4 FITC.fcs', [10, 12, 9]), file('pe.fcs', [12, 8000, 9]), file('PE-Cy7.fcs', [10, 12, 10])];
    const { controls, unstained } = guessControls(files, CHANNELS);
    expect(Object.fromEntries(controls)).toEqual({ 'FITC-A': 'CD4 FITC.fcs', 'PE-A': 'pe.fcs', 'PE-Cy7-A': 'PE-Cy7.fcs' });
    expect(unstained).toBe('Unstained.fcs');
    expect(channelInName('CD4 and CD8.fcs', CHANNELS)).toBeNull();
  });

  it('a channel that nothing is bright in gets none, and neither does one with negative background', () => {
    const files = [file('a', [-20, 10, 0]), file('b', [-18, 11, 0]), file('c', [5000, 10, 0])];
    expect(Object.fromEntries(guessControls(files, CHANNELS).controls)).toEqual({ 'FITC-A': 'c' });
    expect(guessControls([], CHANNELS)).toEqual({ controls: new Map(), unstained: null });
  });

  it('one of area and height stands for a detector', () => {
    const names = (list: string[]) => oneOfEachDetector(list.map((channel) => ({ channel }))).map((c) => c.channel);
    expect(names(['FL1-H', 'FL2-H', 'FL1-A', 'FL4-H'])).toEqual(['FL1-H', 'FL2-H', 'FL4-H']);
    expect(names(['BL1-A', 'BL1-H', 'BL2-A', 'BL2-H', 'CD4'])).toEqual(['BL1-A', 'BL2-A', 'CD4']);
  });

  describe('of dyes', () => {
    const DETECTORS = ['V1', 'V2', 'B1', 'B2'];

    it('give the detector that each is brightest in; of two with the same one the brighter gets it', () => {
      const files = [file('Unstained (Cells).fcs', [50, 40, 30, 20]), file('BV421 (Beads).fcs', [9000, 4000, 200, 100]), file('Pacific Blue_control.fcs', [5000, 4500, 100, 90]), file('FITC ref.fcs', [60, 300, 8000, 2000]), file('patient 7.fcs', [9000, 9000, 9000, 9000])];
      const { dyes, unstained } = guessDyes(files, DETECTORS);
      expect(unstained).toBe('Unstained (Cells).fcs');
      expect(dyes.map((d) => [d.key, d.channel, d.dye])).toEqual([
        ['BV421 (Beads).fcs', 'V1', 'BV421'],
        ['Pacific Blue_control.fcs', 'V2', 'Pacific Blue'],
        ['FITC ref.fcs', 'B1', 'FITC'],
      ]);
    });

    it('are told by brightness where no name says so, also where few events are bright and detectors have a background', () => {
      const rare = file('b', [300, 800, 30, 20]);
      rare.columns[2] = rare.columns[2].map((v, i) => (i % 20 === 0 ? 6000 : v));
      const dim = file('a', [300, 800, 30, 20]);
      expect(brightestDetector(rare.columns, dim.columns, DETECTORS)).toBe('B1');
      expect(brightestDetector(rare.columns, null, DETECTORS)).toBe('B1');
      expect(brightestDetector(rare.columns, null, DETECTORS, ['B1'])).toBe('V2');
      const flat = dim.columns.map((column) => column.map(() => 5));
      expect(brightestDetector(flat, flat, DETECTORS)).toBeNull();
      const { dyes } = guessDyes([file('001', [10, 10, 10, 10]), file('002', [9000, 20, 10, 10]), file('003', [10, 10, 10, 9000])], DETECTORS);
      expect(dyes.map((d) => [d.key, d.channel, d.dye])).toEqual([['002', 'V1', ''], ['003', 'B2', '']]);
    });

    it('are named by the file without the words of a control', () => {
      expect(dyeInName('Reference Group_CD4 BV421 (Beads).fcs')).toBe('CD4 BV421');
      expect(dyeInName('060909.002')).toBe('');
    });
  });
});
