/** What lies over the cells: the outline being drawn, the cell under the pointer, names of categories, the axes. */

import { toScreen, type Viewport } from '../data/viewport';
import type { Mark } from './figure/scene';
import { textWidth } from './figure/widths';

export interface OverlayLabel {
  text: string;
  x: number;
  y: number;
}

export interface OverlayState {
  outline: number[] | null;
  hover: { x: number; y: number } | null;
  labels: OverlayLabel[];
  axes: [string, string];
  ink: string;
  paper: string;
  accent: string;
}

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

export function drawOverlay(context: CanvasRenderingContext2D, view: Viewport, state: OverlayState): void {
  drawAxes(context, view, state);
  drawLabels(context, view, state);
  if (state.hover) {
    const [x, y] = toScreen(view, state.hover.x, state.hover.y);
    context.beginPath();
    context.arc(x, y, 7, 0, 2 * Math.PI);
    context.lineWidth = 2;
    context.strokeStyle = state.ink;
    context.stroke();
  }
  if (state.outline && state.outline.length >= 4) drawOutline(context, view, state.outline, state.accent);
}

function drawOutline(context: CanvasRenderingContext2D, view: Viewport, outline: number[], accent: string): void {
  context.beginPath();
  for (let i = 0; i < outline.length; i += 2) {
    const [x, y] = toScreen(view, outline[i], outline[i + 1]);
    if (i === 0) context.moveTo(x, y);
    else context.lineTo(x, y);
  }
  context.closePath();
  context.globalAlpha = 0.1;
  context.fillStyle = accent;
  context.fill('evenodd');
  context.globalAlpha = 1;
  context.lineWidth = 1.5;
  context.strokeStyle = accent;
  context.stroke();
}

/** Two short arms in the lower left corner: embeddings have directions, but no units worth ticks. */
function drawAxes(context: CanvasRenderingContext2D, view: Viewport, { axes, ink }: OverlayState): void {
  const x = 18;
  const y = view.height - 18;
  const length = 44;
  context.strokeStyle = ink;
  context.fillStyle = ink;
  context.globalAlpha = 0.6;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(x + 0.5, y - length + 0.5);
  context.lineTo(x + 0.5, y + 0.5);
  context.lineTo(x + length + 0.5, y + 0.5);
  context.stroke();
  context.font = `11px ${FONT}`;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  context.fillText(axes[0], x + length + 6, y);
  context.save();
  context.translate(x, y - length - 6);
  context.rotate(-Math.PI / 2);
  context.fillText(axes[1], 0, 0);
  context.restore();
  context.globalAlpha = 1;
}

function drawLabels(context: CanvasRenderingContext2D, view: Viewport, { labels, ink, paper }: OverlayState): void {
  context.font = `600 12px ${FONT}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.lineJoin = 'round';
  const taken: { x: number; y: number; w: number }[] = [];
  for (const label of labels) {
    const [x, y] = toScreen(view, label.x, label.y);
    const w = context.measureText(label.text).width / 2;
    if (x + w < 0 || x - w > view.width || y < 0 || y > view.height) continue;
    // The larger population keeps its name where two would overlap.
    if (taken.some((t) => Math.abs(t.x - x) < t.w + w + 4 && Math.abs(t.y - y) < 15)) continue;
    taken.push({ x, y, w });
    context.lineWidth = 4;
    context.strokeStyle = paper;
    context.globalAlpha = 0.85;
    context.strokeText(label.text, x, y);
    context.globalAlpha = 1;
    context.fillStyle = ink;
    context.fillText(label.text, x, y);
  }
}

/** Axes and names as marks of a file. */
export function overlayMarks(view: Viewport, { axes, labels, ink, paper }: OverlayState): Mark[] {
  const [x, y, length] = [18, view.height - 18, 44];
  const arm = { kind: 'line', stroke: ink, opacity: 0.6 } as const;
  const marks: Mark[] = [
    { ...arm, x1: x, y1: y - length, x2: x, y2: y },
    { ...arm, x1: x, y1: y, x2: x + length, y2: y },
    { kind: 'text', x: x + length + 6, y, text: axes[0], size: 11, fill: ink, opacity: 0.6 },
    { kind: 'text', x, y: y - length - 6, text: axes[1], size: 11, turn: 90, fill: ink, opacity: 0.6 },
  ];
  const taken: { x: number; y: number; w: number }[] = [];
  for (const label of labels) {
    const [px, py] = toScreen(view, label.x, label.y);
    const w = textWidth(label.text, 12, true) / 2;
    if (px < 0 || px > view.width || py < 0 || py > view.height || taken.some((t) => Math.abs(t.x - px) < t.w + w + 4 && Math.abs(t.y - py) < 15)) continue;
    taken.push({ x: px, y: py, w });
    marks.push({ kind: 'text', x: px, y: py, text: label.text, bold: true, anchor: 'middle', fill: ink, halo: paper });
  }
  return marks;
}
