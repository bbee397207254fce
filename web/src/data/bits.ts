/** A set of cells as a bit array: 1 million cells are 125 kB. */

export class Bits {
  readonly words: Uint32Array;

  constructor(
    readonly length: number,
    words?: Uint32Array,
  ) {
    this.words = words ?? new Uint32Array((length + 31) >>> 5);
  }

  static full(length: number): Bits {
    const bits = new Bits(length);
    bits.words.fill(0xffffffff);
    bits.trim();
    return bits;
  }

  static fromIndices(length: number, indices: Iterable<number>): Bits {
    const bits = new Bits(length);
    for (const i of indices) bits.add(i);
    return bits;
  }

  /** Bits past the length stay zero, so that counting needs no care. */
  private trim(): void {
    const rest = this.length & 31;
    if (rest) this.words[this.words.length - 1] &= (1 << rest) - 1;
  }

  has(i: number): boolean {
    return (this.words[i >>> 5] & (1 << (i & 31))) !== 0;
  }

  add(i: number): void {
    this.words[i >>> 5] |= 1 << (i & 31);
  }

  remove(i: number): void {
    this.words[i >>> 5] &= ~(1 << (i & 31));
  }

  copy(): Bits {
    return new Bits(this.length, this.words.slice());
  }

  and(other: Bits): Bits {
    const out = this.copy();
    for (let w = 0; w < out.words.length; w++) out.words[w] &= other.words[w];
    return out;
  }

  or(other: Bits): Bits {
    const out = this.copy();
    for (let w = 0; w < out.words.length; w++) out.words[w] |= other.words[w];
    return out;
  }

  minus(other: Bits): Bits {
    const out = this.copy();
    for (let w = 0; w < out.words.length; w++) out.words[w] &= ~other.words[w];
    return out;
  }

  not(): Bits {
    const out = this.copy();
    for (let w = 0; w < out.words.length; w++) out.words[w] = ~out.words[w];
    out.trim();
    return out;
  }

  count(): number {
    let total = 0;
    for (let w = 0; w < this.words.length; w++) {
      let v = this.words[w];
      v -= (v >>> 1) & 0x55555555;
      v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
      total += Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
    }
    return total;
  }

  toIndices(): Uint32Array {
    const out = new Uint32Array(this.count());
    let n = 0;
    for (let w = 0; w < this.words.length; w++) {
      let word = this.words[w];
      while (word !== 0) {
        const low = word & -word;
        out[n++] = (w << 5) + (31 - Math.clz32(low));
        word ^= low;
      }
    }
    return out;
  }
}
