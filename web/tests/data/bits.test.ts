import { describe, expect, it } from 'vitest';
import { Bits } from '../../src/data/bits';
import { seeded } from './random';

describe('Bits', () => {
  for (const n of [0, 1, 31, 32, 33, 64, 1000]) {
    it(`agrees with sets of numbers at length ${n}`, () => {
      const random = seeded(n + 1);
      const all = Array.from({ length: n }, (_, i) => i);
      const a = new Set(all.filter(() => random() < 0.4));
      const b = new Set(all.filter(() => random() < 0.6));
      const A = Bits.fromIndices(n, a);
      const B = Bits.fromIndices(n, b);
      const list = (bits: Bits) => [...bits.toIndices()];
      expect(list(A)).toEqual([...a]);
      expect(A.count()).toBe(a.size);
      expect(list(A.and(B))).toEqual(all.filter((i) => a.has(i) && b.has(i)));
      expect(list(A.or(B))).toEqual(all.filter((i) => a.has(i) || b.has(i)));
      expect(list(A.minus(B))).toEqual(all.filter((i) => a.has(i) && !b.has(i)));
      expect(list(A.not())).toEqual(all.filter((i) => !a.has(i)));
      expect(Bits.full(n).count()).toBe(n);
      expect(all.every((i) => A.has(i) === a.has(i))).toBe(true);
    });
  }
  it('adds and removes the highest bit of a word', () => {
    const bits = new Bits(64);
    bits.add(31);
    bits.add(63);
    expect([...bits.toIndices()]).toEqual([31, 63]);
    bits.remove(31);
    expect([...bits.toIndices()]).toEqual([63]);
  });
});
