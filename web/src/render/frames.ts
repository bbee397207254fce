/** Counts pictures: how many per second, while something moves. */

export class FrameMeter {
  private times: number[] = [];

  tick(now = performance.now()): void {
    this.times.push(now);
    while (this.times.length > 240) this.times.shift();
  }

  /** Pictures per second over the last two seconds of movement; NaN with fewer than two pictures in it. */
  rate(now = performance.now()): number {
    const recent = this.times.filter((t) => now - t < 2000);
    if (recent.length < 2) return NaN;
    return ((recent.length - 1) * 1000) / (recent[recent.length - 1] - recent[0]);
  }
}
