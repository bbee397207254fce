/** A scene as an SVG file: vector, with everything that it needs in itself. */

import { BASELINE, FONT_SIZE, type Mark, type Scene } from './scene';

export const FONT = 'Helvetica, Arial, sans-serif';

const escape = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
const round = (v: number) => String(Math.round(v * 100) / 100);

type Attributes = Record<string, string | number | undefined>;

function element(name: string, attributes: Attributes, inside: string): string {
  const spelled = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? round(value) : escape(String(value))}"`);
  return inside ? `<${name}${spelled.join('')}>${inside}</${name}>` : `<${name}${spelled.join('')}/>`;
}

export const pathOf = (points: number[], closed: boolean) =>
  points.reduce((d, v, i) => `${d}${i === 0 ? 'M' : i % 2 ? ',' : 'L'}${round(v)}`, '') + (closed ? 'Z' : '');

export const turnOf = (mark: { x: number; y: number; turn?: number }) =>
  mark.turn ? `rotate(${-mark.turn} ${round(mark.x)} ${round(mark.y)})` : undefined;

function spell(mark: Mark): string {
  const tip = mark.tip ? element('title', {}, escape(mark.tip)) : '';
  const opacity = mark.opacity;
  switch (mark.kind) {
    case 'rect':
      return element('rect', { x: mark.x, y: mark.y, width: mark.width, height: mark.height, fill: mark.fill, stroke: mark.stroke, opacity }, tip);
    case 'line':
      return element('line', { x1: mark.x1, y1: mark.y1, x2: mark.x2, y2: mark.y2, stroke: mark.stroke, 'stroke-width': mark.width, opacity }, tip);
    case 'area':
      return element('path', { d: pathOf(mark.points, mark.closed), fill: mark.fill ?? 'none', stroke: mark.stroke, 'stroke-width': mark.width, 'stroke-linejoin': 'round', opacity }, tip);
    case 'circle':
      return element('circle', { cx: mark.x, cy: mark.y, r: mark.r, fill: mark.fill, stroke: mark.stroke, opacity }, tip);
    case 'image':
      return element('image', { x: mark.x, y: mark.y, width: mark.width, height: mark.height, href: mark.canvas.toDataURL('image/png') }, tip);
    case 'points': {
      const circles = Array.from(mark.xs, (x, i) => element('circle', { cx: x, cy: mark.ys[i], r: mark.r, fill: mark.colors[mark.codes[i]] }, ''));
      return element('g', { transform: `translate(${round(mark.x)} ${round(mark.y)})`, 'fill-opacity': opacity }, circles.join('\n'));
    }
    case 'text': {
      const size = mark.size ?? FONT_SIZE;
      const attributes = { x: mark.x, y: mark.y + BASELINE * size, fill: mark.fill, 'font-size': size, 'font-weight': mark.bold ? 600 : undefined, 'text-anchor': mark.anchor, transform: turnOf(mark), opacity, ...(mark.halo ? { stroke: mark.halo, 'stroke-width': 3, 'stroke-linejoin': 'round', 'paint-order': 'stroke' } : {}) };
      return element('text', attributes, escape(mark.text) + tip);
    }
  }
}

export function toSvg(scene: Scene): string {
  const box = `0 0 ${round(scene.width)} ${round(scene.height)}`;
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n` +
    `<svg xmlns="http://www.w3.org/2000/svg" width="${round(scene.width)}" height="${round(scene.height)}" viewBox="${box}" font-family="${FONT}" font-size="${FONT_SIZE}">\n` +
    `${scene.marks.map(spell).join('\n')}\n</svg>\n`
  );
}
