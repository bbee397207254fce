/** Pictures of events on a canvas: density, dots, contours, histograms. */

import { mapColor, parseHex } from '../../data/colors';
import type { Axes } from '../../data/gating/drawing';
import { bandwidth, blurred, cellsOf, contourLines, countOnGrid, densityAt, probabilityLevels } from '../../data/gating/raster';

export interface Cloud {
  /** In places of the axes. */
  x: Float32Array;
  y: Float32Array;
}

export interface Overlay extends Cloud {
  color: string;
}

export interface PaintLook {
  dark: boolean;
  palette: 'hue' | 'viridis';
  ratio: number;
}

/** Sparse to dense: on paper from light to dark, on dark ground from dark to light. */
const HUE_LIGHT: [number, number, number][] = [[143, 196, 212], [62, 150, 178], [22, 105, 140], [14, 66, 102], [8, 30, 58]];
const HUE_DARK: [number, number, number][] = [[44, 88, 106], [38, 128, 148], [68, 176, 186], [150, 220, 214], [240, 253, 244]];
const STEPS = 256;

function ramp(stops: [number, number, number][], t: number): [number, number, number] {
  const at = Math.min(0.9999, Math.max(0, t)) * (stops.length - 1);
  const i = Math.floor(at);
  return [0, 1, 2].map((k) => stops[i][k] + (stops[i + 1][k] - stops[i][k]) * (at - i)) as [number, number, number];
}

export function paletteOf({ dark, palette }: PaintLook): Uint8Array {
  const out = new Uint8Array(STEPS * 3);
  for (let i = 0; i < STEPS; i++) {
    const t = i / (STEPS - 1);
    out.set(palette === 'viridis' ? mapColor('viridis', dark ? 0.12 + 0.88 * t : 0.95 * t) : ramp(dark ? HUE_DARK : HUE_LIGHT, t), i * 3);
  }
  return out;
}

function clear(canvas: HTMLCanvasElement, axes: Axes, ratio: number): CanvasRenderingContext2D | null {
  const [width, height] = [Math.max(1, Math.round(axes.width * ratio)), Math.max(1, Math.round(axes.height * ratio))];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext('2d');
  context?.clearRect(0, 0, width, height);
  return context;
}

/** How wide a dot is, in CSS pixels: the fewer there are and the larger the plot, the larger. */
const dotOf = (n: number, { width }: Axes) => Math.max(1.6, Math.min(3.4, width / 60, (0.47 * width) / Math.sqrt(Math.max(1, n))));
const cellsAcross = (axes: Axes, size: number) => ({ width: Math.max(8, Math.round(axes.width / size)), height: Math.max(8, Math.round(axes.height / size)) });

/** The brightest is the density that all but these events lie below, so that a heap on an edge does not dim the rest. */
const TOP_SHARE = 0.005;

const topDensity = (rising: Float32Array) => rising[Math.max(0, Math.floor(rising.length * (1 - TOP_SHARE)) - 1)] ?? 0;
const shadeOf = (density: number, top: number) => Math.min(STEPS - 1, Math.round(Math.sqrt(top > 0 ? density / top : 0) * (STEPS - 1)));

/** So many events are dots at their places, each in the colour of the density around it; more are cells of a grid. */
const FEW = 5000;

export function paintDensity(canvas: HTMLCanvasElement, cloud: Cloud, axes: Axes, look: PaintLook): void {
  const context = clear(canvas, axes, look.ratio);
  if (!context) return;
  if (cloud.x.length <= FEW) return shadedDots(context, cloud, axes, look);
  const { width, height } = cellsAcross(axes, dotOf(cloud.x.length, axes));
  const raster = countOnGrid(cloud.x, cloud.y, axes, width, height);
  if (!raster.total) return;
  const smooth = blurred(raster, Math.max(1.2, Math.min(4, 220 / Math.sqrt(raster.total), bandwidth(raster) || Infinity)));
  const top = topDensity(smooth.filter((_, i) => raster.counts[i] > 0).sort());
  const palette = paletteOf(look);
  const image = new ImageData(width, height);
  for (let i = 0; i < smooth.length; i++) {
    if (!raster.counts[i]) continue;
    const shade = shadeOf(smooth[i], top);
    image.data.set([palette[shade * 3], palette[shade * 3 + 1], palette[shade * 3 + 2], 255], i * 4);
  }
  place(context, canvas, image);
}

/** The densest lie above the others. */
function shadedDots(context: CanvasRenderingContext2D, { x, y }: Cloud, axes: Axes, look: PaintLook): void {
  const density = densityAt(x, y, axes);
  const order = Uint32Array.from(x.keys()).filter((i) => density[i] === density[i]).sort((a, b) => density[a] - density[b]);
  const top = topDensity(Float32Array.from(order, (i) => density[i]));
  const palette = paletteOf(look);
  const { width, height } = context.canvas;
  const radius = (dotOf(x.length, axes) * look.ratio) / 2;
  const [fx, fy] = [width / (axes.x[1] - axes.x[0]), height / (axes.y[1] - axes.y[0])];
  for (const i of order) {
    const shade = shadeOf(density[i], top);
    const px = Math.min(width - radius, Math.max(radius, (x[i] - axes.x[0]) * fx));
    const py = Math.min(height - radius, Math.max(radius, (axes.y[1] - y[i]) * fy));
    context.fillStyle = `rgb(${palette[shade * 3]} ${palette[shade * 3 + 1]} ${palette[shade * 3 + 2]})`;
    context.beginPath();
    context.arc(px, py, radius, 0, 2 * Math.PI);
    context.fill();
  }
}

function place(context: CanvasRenderingContext2D, canvas: HTMLCanvasElement, image: ImageData): void {
  const small = document.createElement('canvas');
  small.width = image.width;
  small.height = image.height;
  small.getContext('2d')?.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}

export function paintDots(canvas: HTMLCanvasElement, cloud: Cloud, axes: Axes, look: PaintLook): void {
  const context = clear(canvas, axes, look.ratio);
  if (!context) return;
  const alpha = Math.max(0.12, Math.min(0.9, 60 / Math.sqrt(Math.max(1, cloud.x.length))));
  dots(context, cloud, axes, look.ratio, look.dark ? DOT_DARK : DOT_LIGHT, alpha, dotOf(cloud.x.length, axes));
}

type Rgb = [number, number, number];
const [DOT_LIGHT, DOT_DARK]: Rgb[] = [[38, 52, 64], [210, 222, 228]];
/** More dots than these are laid on cells as large as dots: a million of them in a few milliseconds. */
const MANY_DOTS = 60_000;

function dots(context: CanvasRenderingContext2D, { x, y }: Cloud, axes: Axes, ratio: number, [r, g, b]: Rgb, alpha: number, size: number): void {
  if (x.length > MANY_DOTS) {
    const { width, height } = cellsAcross(axes, size);
    const raster = countOnGrid(x, y, axes, width, height);
    const image = new ImageData(raster.width, raster.height);
    // dots over one another cover more and more of the ground
    for (let i = 0; i < raster.counts.length; i++) if (raster.counts[i]) image.data.set([r, g, b, Math.round(255 * (1 - (1 - alpha) ** raster.counts[i]))], i * 4);
    return place(context, context.canvas, image);
  }
  const [fx, fy] = [(axes.width * ratio) / (axes.x[1] - axes.x[0]), (axes.height * ratio) / (axes.y[1] - axes.y[0])];
  const [w, h] = [axes.width * ratio, axes.height * ratio];
  const side = size * ratio;
  context.fillStyle = `rgb(${r} ${g} ${b} / ${alpha})`;
  for (let i = 0; i < x.length; i++) {
    const px = Math.min(w - side / 2, Math.max(side / 2, (x[i] - axes.x[0]) * fx));
    const py = Math.min(h - side / 2, Math.max(side / 2, (axes.y[1] - y[i]) * fy));
    if (px === px && py === py) context.fillRect(px - side / 2, py - side / 2, side, side);
  }
}

/** Events of other populations over the plot, each in its colour; small, so that what lies below is still seen. */
export function paintOverlays(canvas: HTMLCanvasElement, overlays: Overlay[], axes: Axes, look: PaintLook): void {
  const context = canvas.getContext('2d');
  if (!context) return;
  for (const overlay of overlays) dots(context, overlay, axes, look.ratio, parseHex(overlay.color), 0.85, Math.max(1.5, 0.65 * dotOf(overlay.x.length, axes)));
}

const GRID = 96;
/** Lines enclose 10 %, 20 % … 90 % and 97 % of the events; the rest are dots. */
const SHARES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97];

export function paintContours(canvas: HTMLCanvasElement, cloud: Cloud, axes: Axes, look: PaintLook): void {
  const context = clear(canvas, axes, look.ratio);
  if (!context) return;
  const raster = countOnGrid(cloud.x, cloud.y, axes, GRID, GRID);
  if (!raster.total) return;
  const density = blurred(raster, 1.6);
  const levels = probabilityLevels(density, SHARES);
  const [sx, sy] = [canvas.width / GRID, canvas.height / GRID];
  const cells = cellsOf(cloud.x, cloud.y, axes, GRID, GRID);
  const isOutside = (_: number, i: number) => density[cells[i]] < levels[0];
  dots(context, { x: cloud.x.filter(isOutside), y: cloud.y.filter(isOutside) }, axes, look.ratio, look.dark ? DOT_DARK : DOT_LIGHT, 0.7, dotOf(cloud.x.length, axes));
  const palette = paletteOf(look);
  context.lineWidth = look.ratio;
  levels.forEach((level, i) => {
    const shade = Math.round((0.25 + (0.75 * i) / Math.max(1, levels.length - 1)) * (STEPS - 1));
    context.strokeStyle = `rgb(${palette[shade * 3]} ${palette[shade * 3 + 1]} ${palette[shade * 3 + 2]})`;
    context.beginPath();
    const pieces = contourLines(density, GRID, GRID, level);
    for (let k = 0; k < pieces.length; k += 4) {
      context.moveTo(pieces[k] * sx, pieces[k + 1] * sy);
      context.lineTo(pieces[k + 2] * sx, pieces[k + 3] * sy);
    }
    context.stroke();
  });
}

export interface HistogramCurve {
  /** Heights of the bins, from left to right. */
  heights: Float32Array;
  color: string;
  /** The share of the plot's height that its foot stands above the axis. */
  lift: number;
}

/** Curves over an axis, the last one in front; `top` is the height (in the unit of the curves) that fills the room. */
export function paintHistograms(canvas: HTMLCanvasElement, curves: HistogramCurve[], axes: Axes, room: number, look: PaintLook): void {
  const context = clear(canvas, axes, look.ratio);
  if (!context) return;
  const { width, height } = canvas;
  context.lineJoin = 'round';
  for (const { heights, color, lift } of curves) {
    const foot = height * (1 - lift);
    const points = Array.from(heights, (v, i): [number, number] => [((i + 0.5) / heights.length) * width, foot - v * room * height]);
    context.beginPath();
    context.moveTo(0, foot);
    points.forEach(([x, y]) => context.lineTo(x, y));
    context.lineTo(width, foot);
    const [r, g, b] = parseHex(color);
    context.fillStyle = `rgb(${r} ${g} ${b} / ${curves.length > 1 ? 0.28 : 0.35})`;
    context.fill();
    context.beginPath();
    points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.strokeStyle = color;
    context.lineWidth = 1.5 * look.ratio;
    context.stroke();
  }
}
