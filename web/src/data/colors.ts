/** Colours of values and categories. A colour is `#rrggbb`; a lookup table is 256 × RGBA bytes. */

import { mapSteps, type MapName } from './maps';

export type { MapName } from './maps';

/** Okabe and Ito's eight, ordered so that neighbours differ most; black is lightened to a grey that shows on dark. */
export const OKABE_ITO = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#f0e442', '#6b6b6b'];

/** Twenty-four colours spaced in hue and lightness, for up to twenty-four categories. */
export const SET_24 = [
  '#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#c9b800', '#7e57c2',
  '#8c5a2b', '#5a78b8', '#e4572e', '#76b041', '#a05195', '#17a2a2', '#f7a1a1', '#5b7f2f',
  '#c2185b', '#9ecae1', '#b08d57', '#6a3fd0', '#a5d6a7', '#a33a3a', '#b39ddb', '#607d8b',
];

export const OTHERS_COLOR = '#a3a7ad';
export const MISSING_COLOR = '#c3c6cb';

export function parseHex(hex: string): [number, number, number] {
  const n = Number.parseInt(hex.replace('#', ''), 16);
  return [(n >> 16) & 255, (n >> 8) & 255, n & 255];
}

export function isHex(text: string): boolean {
  return /^#[0-9a-fA-F]{6}$/.test(text);
}

const toHex = (rgb: number[]) => `#${rgb.map((c) => Math.round(c).toString(16).padStart(2, '0')).join('')}`;

/** The colour of `t` in [0, 1] on a map, interpolated between its steps. */
export function mapColor(name: MapName, t: number): [number, number, number] {
  const hex = mapSteps(name);
  const last = hex.length / 6 - 1;
  const x = Math.min(1, Math.max(0, Number.isNaN(t) ? 0 : t)) * last;
  const i = Math.min(last - 1, Math.floor(x));
  const a = parseHex(hex.slice(i * 6, i * 6 + 6));
  const b = parseHex(hex.slice(i * 6 + 6, i * 6 + 12));
  return [0, 1, 2].map((k) => a[k] + (b[k] - a[k]) * (x - i)) as [number, number, number];
}

/** Where a map begins: its darkest steps would not show on dark paper, so there it starts above them. */
const DARK_START = 0.22;
const startOf = (name: MapName, onDark: boolean) => (onDark && name !== 'diverging' ? DARK_START : 0);

export function mapHex(name: MapName, t: number, onDark = false): string {
  const start = startOf(name, onDark);
  return toHex(mapColor(name, start + Math.min(1, Math.max(0, t)) * (1 - start)));
}

/** Lookup table of a numeric map: shade 0 is 'no value', shades 1 to 255 run over the map. */
export function numericTable(name: MapName, onDark = false): Uint8Array {
  const table = new Uint8Array(256 * 4);
  table.set([...parseHex(MISSING_COLOR), 255]);
  for (let shade = 1; shade < 256; shade++) table.set([...parseHex(mapHex(name, (shade - 1) / 254, onDark)), 255], shade * 4);
  return table;
}

/**
 * The colour of every category: what the annotation stores, else the fixed sets.
 *
 * Up to 8 categories take Okabe–Ito, up to 24 the larger set; of more, the 24 largest are coloured and the rest are
 * 'others' in grey.
 */
export function categoryColors(counts: ArrayLike<number>, stored: (string | null)[] | null): string[] {
  const n = counts.length;
  const set = n <= OKABE_ITO.length ? OKABE_ITO : SET_24;
  const colors = new Array<string>(n).fill(OTHERS_COLOR);
  const order = Array.from({ length: n }, (_, i) => i);
  if (n > set.length) order.sort((a, b) => counts[b] - counts[a] || a - b);
  order.slice(0, set.length).forEach((category, i) => (colors[category] = set[i]));
  stored?.forEach((color, i) => {
    if (color && isHex(color) && i < n) colors[i] = color.toLowerCase();
  });
  return colors;
}

/** Lookup table of categories: shade 0 is 'no value', category i is shade i + 1; those past 254 share one shade. */
export function categoryTable(colors: string[]): Uint8Array {
  const table = new Uint8Array(256 * 4);
  table.set([...parseHex(MISSING_COLOR), 255]);
  for (let i = 0; i < 255; i++) {
    const color = i < colors.length && (i < 254 || colors.length === 255) ? colors[i] : OTHERS_COLOR;
    table.set([...parseHex(color), 255], (i + 1) * 4);
  }
  return table;
}

/** Black or white, whichever reads better on the colour. */
export function inkOn(hex: string): string {
  const [r, g, b] = parseHex(hex).map((c) => {
    const s = c / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.25 ? '#111417' : '#ffffff';
}
