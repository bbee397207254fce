/** Few, round marks for an axis. */

/** Round numbers between two ends, about as many as wanted. */
export function niceTicks(low: number, high: number, about = 5): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(1, about);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= rough) ?? 10 * power;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

/** Powers of ten up to `high`, with 0 in front; of a long axis every second or third. */
export function powerTicks(high: number, about = 6): number[] {
  const last = Math.max(0, Math.floor(Math.log10(Math.max(1, high))));
  const every = Math.max(1, Math.ceil((last + 1) / about));
  const ticks = [0];
  for (let i = 0; i <= last; i += every) ticks.push(10 ** i);
  return ticks;
}
