/** A figure as a list of marks: one list is shown on the page and written as SVG, PDF or PNG. */

/** Colours of everything that is not data. */
export interface Ink {
  ink: string;
  soft: string;
  line: string;
  paper: string;
  dark: boolean;
}

/** What files are drawn with, whatever the theme of the page is. */
export const ON_PAPER: Ink = { ink: '#1b1f23', soft: '#5c656d', line: '#dfe3e6', paper: '#ffffff', dark: false };
export const ON_DARK: Ink = { ink: '#e8ebee', soft: '#949ea7', line: '#30363c', paper: '#14171a', dark: true };

interface Told {
  /** Shown under the pointer; lines are parted by a line break. */
  tip?: string;
  /** Told to the figure's owner at a click. */
  id?: string;
  opacity?: number;
  /** The numbers behind the mark, put on the element as `data-…`. */
  data?: Record<string, string | number>;
}

export interface RectMark extends Told {
  kind: 'rect';
  x: number;
  y: number;
  width: number;
  height: number;
  fill: string;
  stroke?: string;
}

export interface LineMark extends Told {
  kind: 'line';
  x1: number;
  y1: number;
  x2: number;
  y2: number;
  stroke: string;
  width?: number;
}

export interface AreaMark extends Told {
  kind: 'area';
  /** x0, y0, x1, y1, … */
  points: number[];
  closed: boolean;
  fill?: string;
  stroke?: string;
  width?: number;
}

export interface CircleMark extends Told {
  kind: 'circle';
  x: number;
  y: number;
  r: number;
  fill: string;
  stroke?: string;
}

export interface TextMark extends Told {
  kind: 'text';
  x: number;
  /** The middle of the line of text. */
  y: number;
  text: string;
  size?: number;
  fill: string;
  anchor?: 'start' | 'middle' | 'end';
  bold?: boolean;
  /** Degrees, counter-clockwise. */
  turn?: number;
  /** Colour around the letters, so that they are read over points. */
  halo?: string;
}

export interface ImageMark extends Told {
  kind: 'image';
  x: number;
  y: number;
  width: number;
  height: number;
  canvas: HTMLCanvasElement;
}

/** Many round points of one size, in the order in which they are painted; only in files. */
export interface PointsMark extends Told {
  kind: 'points';
  /** Where 0, 0 of the points lies. */
  x: number;
  y: number;
  xs: Float32Array;
  ys: Float32Array;
  r: number;
  /** Of each point, as its place in `colors`. */
  codes: Uint8Array;
  colors: string[];
}

export type Mark = RectMark | LineMark | AreaMark | CircleMark | TextMark | ImageMark | PointsMark;

export interface Scene {
  width: number;
  height: number;
  marks: Mark[];
}

export const FONT_SIZE = 12;
/** The baseline lies this share of the size below the middle of a line. */
export const BASELINE = 0.35;

export function shift(mark: Mark, dx: number, dy: number): Mark {
  if (mark.kind === 'line') return { ...mark, x1: mark.x1 + dx, x2: mark.x2 + dx, y1: mark.y1 + dy, y2: mark.y2 + dy };
  if (mark.kind === 'area') return { ...mark, points: mark.points.map((v, i) => v + (i % 2 ? dy : dx)) };
  return { ...mark, x: mark.x + dx, y: mark.y + dy };
}

export const shiftAll = (marks: Mark[], dx: number, dy: number) => marks.map((mark) => shift(mark, dx, dy));

/** The scene as a file shows it: with its title above and a margin around. */
export function titled(scene: Scene, title: string, lines: string[], ink: Ink): Scene {
  const margin = 16;
  const head = 26 + 18 * lines.length;
  const marks: Mark[] = [
    { kind: 'rect', x: 0, y: 0, width: scene.width + 2 * margin, height: scene.height + head + 2 * margin, fill: ink.paper },
    { kind: 'text', x: margin, y: margin + 8, text: title, size: 15, bold: true, fill: ink.ink },
    ...lines.map((text, i): Mark => ({ kind: 'text', x: margin, y: margin + 28 + 18 * i, text, fill: ink.soft })),
    ...shiftAll(scene.marks, margin, margin + head),
  ];
  return { width: scene.width + 2 * margin, height: scene.height + head + 2 * margin, marks };
}
