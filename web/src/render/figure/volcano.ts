/** A volcano plot: how much each gene differs, against how sure that is. */

import { across, callOf, farthest, type Call, type Cuts, type VolcanoPoints } from '../../data/volcano';
import { number } from '../../data/words';
import { bottomAxis, leftAxis, linear } from './parts';
import type { Ink, Mark, Scene } from './scene';
import { roomOf } from './widths';

export interface VolcanoInput {
  points: VolcanoPoints;
  names: string[];
  pAdjusted: Float64Array;
  cuts: Cuts;
  /** The two selections in words. */
  sides: [string, string];
  chosen: number | null;
}

/** Points that can be pointed at; the others are a picture behind them. */
const TOLD = 2500;
const LABELS = 12;

export const callColors = (ink: Ink): Record<Call, string> => ({
  first: ink.dark ? '#e8864a' : '#b84a00',
  second: ink.dark ? '#5fb4e8' : '#0064a0',
  neither: ink.dark ? '#59626a' : '#b6bdc3',
});

export function drawVolcano(input: VolcanoInput, ink: Ink, width: number, height: number): Scene {
  const { points, names, cuts, sides } = input;
  const at = { left: 56, right: Math.max(280, width - 16), top: 28, bottom: Math.max(240, height - 48) };
  const reach = points.reach * 1.06;
  const x = linear(-reach, reach, at.left, at.right);
  const y = linear(0, points.top * 1.04, at.bottom, at.top);
  const colors = callColors(ink);
  const told = farthest(points, TOLD);
  const marks: Mark[] = [
    ...bottomAxis({ ink, title: 'log2 fold change', low: -reach, high: reach, most: 7 }, at),
    ...leftAxis({ ink, title: '−log10 adjusted p', low: 0, high: points.top * 1.04, most: 5 }, at),
    ...cutLines(cuts, ink, { ...at, x, y, reach }),
  ];
  if (told.length < points.height.length) marks.push(...behind(input, ink, at, { x, y, told: new Set(told) }));
  for (const i of told.reverse()) {
    const call = callOf(points.change[i], input.pAdjusted[i], cuts);
    marks.push({
      kind: 'circle', x: x(across(points, i)), y: y(points.height[i]), r: call === 'neither' ? 2 : 2.75, fill: colors[call], opacity: call === 'neither' ? 0.7 : 0.9,
      id: String(i), tip: tipOf(input, i), data: { gene: names[i], change: points.change[i], p: input.pAdjusted[i], call },
    });
  }
  marks.push(...labels(input, ink, { x, y, right: at.right }));
  const ends: [number, 'start' | 'end', Call, string][] = [[at.left, 'start', 'second', `← higher in ${sides[1]}`], [at.right, 'end', 'first', `higher in ${sides[0]} →`]];
  for (const [px, anchor, call, text] of ends) marks.push({ kind: 'text', x: px, y: 10, text, anchor, size: 12, bold: true, fill: colors[call] });
  return { width: at.right + 16, height: at.bottom + 44, marks };
}

function tipOf({ points, names, pAdjusted }: VolcanoInput, i: number): string {
  const p = points.capped[i] ? 'adjusted p below 1e-307' : `adjusted p ${number(pAdjusted[i])}`;
  return `${names[i]}\nlog2 fold change ${number(points.change[i])}\n${p}`;
}

type Place = (v: number) => number;

function cutLines(cuts: Cuts, ink: Ink, at: { left: number; right: number; top: number; bottom: number; x: Place; y: Place; reach: number }): Mark[] {
  const marks: Mark[] = [];
  const line = (x1: number, y1: number, x2: number, y2: number, tip: string): Mark => ({ kind: 'line', x1, y1, x2, y2, stroke: ink.soft, width: 1, opacity: 0.7, tip });
  if (cuts.p < 1) marks.push(line(at.left, at.y(-Math.log10(cuts.p)), at.right, at.y(-Math.log10(cuts.p)), `adjusted p ${number(cuts.p)}`));
  if (cuts.change > 0 && cuts.change < at.reach) {
    for (const c of [-cuts.change, cuts.change]) marks.push(line(at.x(c), at.top, at.x(c), at.bottom, `log2 fold change ${number(c)}`));
  }
  return marks;
}

/** Genes that lie in the crowd, as a picture: thousands of elements would make the page slow. */
function behind({ points, pAdjusted, cuts }: VolcanoInput, ink: Ink, at: { left: number; right: number; top: number; bottom: number }, place: { x: Place; y: Place; told: Set<number> }): Mark[] {
  const ratio = 2;
  const canvas = document.createElement('canvas');
  const [width, height] = [at.right - at.left, at.bottom - at.top];
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const draw = canvas.getContext('2d');
  if (!draw) return [];
  draw.scale(ratio, ratio);
  const colors = callColors(ink);
  draw.globalAlpha = 0.6;
  for (let i = 0; i < points.height.length; i++) {
    if (place.told.has(i) || !Number.isFinite(points.height[i]) || !Number.isFinite(points.change[i])) continue;
    draw.fillStyle = colors[callOf(points.change[i], pAdjusted[i], cuts)];
    draw.beginPath();
    draw.arc(place.x(across(points, i)) - at.left, place.y(points.height[i]) - at.top, 2, 0, 7);
    draw.fill();
  }
  return [{ kind: 'image', x: at.left, y: at.top, width, height, canvas }];
}

/** Names of the genes that lie farthest out on each side, where they do not cover one another; the chosen one always. */
function labels({ points, names, pAdjusted, cuts, chosen }: VolcanoInput, ink: Ink, at: { x: Place; y: Place; right: number }): Mark[] {
  const marks: Mark[] = [];
  const taken: { x0: number; x1: number; y: number }[] = [];
  const perSide = { first: 0, second: 0 };
  const put = (i: number, must: boolean) => {
    const [px, py] = [at.x(across(points, i)), at.y(points.height[i])];
    const room = roomOf(names[i], 11) + 8;
    const isLeft = px + room > at.right || points.change[i] < 0;
    const box = { x0: isLeft ? px - room : px, x1: isLeft ? px : px + room, y: py };
    if (!must && taken.some((t) => t.x0 < box.x1 && box.x0 < t.x1 && Math.abs(t.y - box.y) < 12)) return false;
    taken.push(box);
    marks.push({ kind: 'text', x: isLeft ? px - 6 : px + 6, y: py, text: names[i], anchor: isLeft ? 'end' : 'start', size: 11, bold: must, fill: ink.ink, id: String(i), tip: tipOf({ points, names, pAdjusted } as VolcanoInput, i) });
    return true;
  };
  if (chosen !== null && Number.isFinite(points.height[chosen])) {
    marks.push({ kind: 'circle', x: at.x(across(points, chosen)), y: at.y(points.height[chosen]), r: 5.5, fill: 'none', stroke: ink.ink });
    put(chosen, true);
  }
  for (const i of farthest(points, 200)) {
    const call = callOf(points.change[i], pAdjusted[i], cuts);
    if (i === chosen || call === 'neither' || perSide[call] >= LABELS) continue;
    if (put(i, false)) perSide[call]++;
  }
  return marks;
}
