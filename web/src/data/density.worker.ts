/** Draws the density picture off the page's own thread. Keeps the cells; each request brings only the view. */

import { countCells, paintCounts, type DensityInput } from './density';
import type { Viewport } from './viewport';

export type DensityMessage =
  | { kind: 'set'; part: Partial<DensityInput> }
  | { kind: 'draw'; view: Viewport; id: number };

export interface DensityAnswer {
  id: number;
  view: Viewport;
  pixels: Uint8ClampedArray<ArrayBuffer>;
  drawn: number;
  milliseconds: number;
}

const input: Partial<DensityInput> = {};

function isWhole(part: Partial<DensityInput>): part is DensityInput {
  const n = part.x?.length;
  return (
    n !== undefined &&
    part.table !== undefined &&
    part.y?.length === n &&
    part.shades?.length === n &&
    part.flags?.length === n
  );
}

self.onmessage = (event: MessageEvent<DensityMessage>) => {
  const message = event.data;
  if (message.kind === 'set') {
    Object.assign(input, message.part);
    return;
  }
  if (!isWhole(input)) return;
  const start = performance.now();
  const counts = countCells(input, message.view);
  const pixels = paintCounts(counts);
  const answer: DensityAnswer = {
    id: message.id,
    view: message.view,
    pixels,
    drawn: counts.drawn,
    milliseconds: performance.now() - start,
  };
  self.postMessage(answer, { transfer: [pixels.buffer] });
};
