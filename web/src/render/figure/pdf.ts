/**
 * A scene as a PDF file of one page: vector, text as text in the fonts that every reader has.
 *
 * Text with letters that these lack is painted by the browser and put in as a picture that tells its text.
 */

import { parseHex } from '../../data/colors';
import { BASELINE, FONT_SIZE, type ImageMark, type Mark, type PointsMark, type Scene, type TextMark } from './scene';
import { lacksLetters, runsOf } from './letters';
import { FONT } from './svg';
import { textWidth } from './widths';

const n = (v: number) => String(Math.round(v * 1000) / 1000);
const rgb = (hex: string) => parseHex(hex).map((c) => n(c / 255)).join(' ');

interface Picture {
  canvas: HTMLCanvasElement;
  /** Of text: what the letters leave free is transparent. */
  hasMask?: boolean;
}

const startOf = (mark: TextMark, width: number) => (mark.anchor === 'end' ? -width : mark.anchor === 'middle' ? -width / 2 : 0);
const TEXT_RATIO = 8;

/** Letters as the browser paints them, with how wide they are in points. */
function paintText(mark: TextMark): { canvas: HTMLCanvasElement; width: number } {
  const size = mark.size ?? FONT_SIZE;
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d');
  const font = `${mark.bold ? '600 ' : ''}${size}px ${FONT}`;
  if (!context) return { canvas, width: 0 };
  context.font = font;
  const width = Math.ceil(context.measureText(mark.text).width) + 2;
  canvas.width = width * TEXT_RATIO;
  canvas.height = 2 * size * TEXT_RATIO;
  context.scale(TEXT_RATIO, TEXT_RATIO);
  context.font = font;
  if (mark.halo) {
    context.strokeStyle = mark.halo;
    context.lineWidth = 3;
    context.strokeText(mark.text, 1, (1 + BASELINE) * size);
  }
  context.fillStyle = mark.fill;
  context.fillText(mark.text, 1, (1 + BASELINE) * size);
  return { canvas, width };
}

const hexOf = (text: string) => 'FEFF' + Array.from({ length: text.length }, (_, i) => text.charCodeAt(i).toString(16).padStart(4, '0')).join('').toUpperCase();

function spellPicture(mark: TextMark, height: number, pictures: Picture[]): string {
  const { canvas, width } = paintText(mark);
  const tall = 2 * (mark.size ?? FONT_SIZE);
  const angle = ((mark.turn ?? 0) * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const start = startOf(mark, width);
  pictures.push({ canvas, hasMask: true });
  // the lower left corner, half the height below the middle of the line
  const [x, y] = [mark.x + start * cos + (tall / 2) * sin, height - mark.y + start * sin - (tall / 2) * cos];
  // readers search and copy letters only: one that is not painted stands for the text
  const unseen = `BT 3 Tr /F1 ${n(tall / 2)} Tf ${n(cos)} ${n(sin)} ${n(-sin)} ${n(cos)} ${n(x)} ${n(y)} Tm (.) Tj 0 Tr ET`;
  return `/Span << /ActualText <${hexOf(mark.text)}> >> BDC q ${n(width * cos)} ${n(width * sin)} ${n(-tall * sin)} ${n(tall * cos)} ${n(x)} ${n(y)} cm /I${pictures.length - 1} Do Q ${unseen} EMC`;
}

function spellText(mark: TextMark, height: number): string {
  const size = mark.size ?? FONT_SIZE;
  const start = startOf(mark, textWidth(mark.text, size, mark.bold));
  const angle = ((mark.turn ?? 0) * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const drop = -BASELINE * size;
  const x = mark.x + start * cos - drop * sin;
  const y = height - mark.y + start * sin + drop * cos;
  const parts = runsOf(mark.text).map((run) => {
    const font = run.symbol ? 'F3' : mark.bold ? 'F2' : 'F1';
    return `/${font} ${n(size)} Tf <${run.bytes.map((b) => b.toString(16).padStart(2, '0')).join('')}> Tj`;
  });
  const place = `${n(cos)} ${n(sin)} ${n(-sin)} ${n(cos)} ${n(x)} ${n(y)} Tm`;
  const halo = mark.halo ? `BT 1 Tr ${rgb(mark.halo)} RG 3 w ${place} ${parts.join(' ')} 0 Tr ET ` : '';
  return `${halo}BT ${rgb(mark.fill)} rg ${place} ${parts.join(' ')} ET`;
}

const ROUND = 0.5523;

function circle(x: number, y: number, r: number): string {
  const k = ROUND * r;
  const curve = (...v: number[]) => `${v.map(n).join(' ')} c`;
  return [
    `${n(x + r)} ${n(y)} m`,
    curve(x + r, y + k, x + k, y + r, x, y + r),
    curve(x - k, y + r, x - r, y + k, x - r, y),
    curve(x - r, y - k, x - k, y - r, x, y - r),
    curve(x + k, y - r, x + r, y - k, x + r, y),
    'h',
  ].join(' ');
}

function outline(mark: Exclude<Mark, TextMark | ImageMark | PointsMark>, height: number): string {
  if (mark.kind === 'rect') return `${n(mark.x)} ${n(height - mark.y - mark.height)} ${n(mark.width)} ${n(mark.height)} re`;
  if (mark.kind === 'circle') return circle(mark.x, height - mark.y, mark.r);
  const points = mark.kind === 'line' ? [mark.x1, mark.y1, mark.x2, mark.y2] : mark.points;
  const steps: string[] = [];
  for (let i = 0; i < points.length; i += 2) steps.push(`${n(points[i])} ${n(height - points[i + 1])} ${i ? 'l' : 'm'}`);
  return steps.join(' ') + (mark.kind === 'area' && mark.closed ? ' h' : '');
}

/** Every point draws one small form, in the colour that is set. */
function spellPoints(mark: PointsMark, height: number, radii: number[]): string {
  if (!radii.includes(mark.r)) radii.push(mark.r);
  const form = `/P${radii.indexOf(mark.r)}`;
  const parts: string[] = [];
  let color = '';
  for (let i = 0; i < mark.xs.length; i++) {
    const next = mark.colors[mark.codes[i]];
    if (next !== color) parts.push(`${rgb(next)} rg`);
    color = next;
    parts.push(`q 1 0 0 1 ${n(mark.x + mark.xs[i])} ${n(height - mark.y - mark.ys[i])} cm ${form} Do Q`);
  }
  return parts.join('\n');
}

/** What the marks of a page need beside its content. */
interface Needs {
  pictures: Picture[];
  radii: number[];
}

function spell(mark: Mark, height: number, { pictures, radii }: Needs): string {
  if (mark.kind === 'text') return lacksLetters(mark.text) ? spellPicture(mark, height, pictures) : spellText(mark, height);
  if (mark.kind === 'points') return spellPoints(mark, height, radii);
  if (mark.kind === 'image') {
    pictures.push(mark);
    return `q ${n(mark.width)} 0 0 ${n(mark.height)} ${n(mark.x)} ${n(height - mark.y - mark.height)} cm /I${pictures.length - 1} Do Q`;
  }
  const fill = mark.kind === 'line' ? undefined : mark.fill;
  const width = mark.kind === 'line' || mark.kind === 'area' ? (mark.width ?? 1) : 1;
  const paint = fill && mark.stroke ? 'B' : fill ? 'f' : mark.stroke ? 'S' : 'n';
  return [fill && `${rgb(fill)} rg`, mark.stroke && `${rgb(mark.stroke)} RG ${n(width)} w`, outline(mark, height), paint].filter(Boolean).join(' ');
}

async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Pixels of an image on white paper: three bytes each. */
function pixelsOf(canvas: HTMLCanvasElement): Uint8Array<ArrayBuffer> {
  const data = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data;
  const out = new Uint8Array(canvas.width * canvas.height * 3);
  if (!data) return out.fill(255);
  for (let i = 0, o = 0; i < data.length; i += 4) {
    const alpha = data[i + 3] / 255;
    for (let c = 0; c < 3; c++) out[o++] = data[i + c] * alpha + 255 * (1 - alpha);
  }
  return out;
}

/** How much each pixel covers: one byte each. */
function coverOf(canvas: HTMLCanvasElement): Uint8Array<ArrayBuffer> {
  const data = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? new Uint8ClampedArray(canvas.width * canvas.height * 4);
  return Uint8Array.from({ length: canvas.width * canvas.height }, (_, i) => data[4 * i + 3]);
}

/** The colours themselves, as they are below full cover. */
function plainPixels(canvas: HTMLCanvasElement): Uint8Array<ArrayBuffer> {
  const data = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? new Uint8ClampedArray(canvas.width * canvas.height * 4);
  return Uint8Array.from({ length: canvas.width * canvas.height * 3 }, (_, i) => data[4 * Math.floor(i / 3) + (i % 3)]);
}

const encode = (text: string) => new TextEncoder().encode(text);

/** Objects put one after the other, with the table of where each begins. */
class Writer {
  private readonly parts: Uint8Array[] = [encode('%PDF-1.4\n')];
  private readonly starts: number[] = [];
  private length = 9;

  private put(bytes: Uint8Array): void {
    this.parts.push(bytes);
    this.length += bytes.length;
  }

  get nextId(): number {
    return this.starts.length + 1;
  }

  add(head: string, stream?: Uint8Array): number {
    this.starts.push(this.length);
    this.put(encode(`${this.starts.length} 0 obj\n${head}\n`));
    if (stream) {
      this.put(encode('stream\n'));
      this.put(stream);
      this.put(encode('\nendstream\n'));
    }
    this.put(encode('endobj\n'));
    return this.starts.length;
  }

  end(root: number): Uint8Array<ArrayBuffer> {
    const at = this.length;
    const rows = this.starts.map((start) => `${String(start).padStart(10, '0')} 00000 n \n`).join('');
    const size = this.starts.length + 1;
    this.put(encode(`xref\n0 ${size}\n0000000000 65535 f \n${rows}trailer\n<< /Size ${size} /Root ${root} 0 R >>\nstartxref\n${at}\n%%EOF\n`));
    const out = new Uint8Array(this.length);
    let offset = 0;
    for (const part of this.parts) {
      out.set(part, offset);
      offset += part.length;
    }
    return out;
  }
}

async function addPicture(writer: Writer, { canvas, hasMask }: Picture): Promise<number> {
  const size = `/Type /XObject /Subtype /Image /Width ${canvas.width} /Height ${canvas.height} /BitsPerComponent 8 /Filter /FlateDecode`;
  let mask = '';
  if (hasMask) {
    const cover = await deflate(coverOf(canvas));
    mask = ` /SMask ${writer.add(`<< ${size} /ColorSpace /DeviceGray /Length ${cover.length} >>`, cover)} 0 R`;
  }
  const pixels = await deflate(hasMask ? plainPixels(canvas) : pixelsOf(canvas));
  return writer.add(`<< ${size} /ColorSpace /DeviceRGB${mask} /Length ${pixels.length} >>`, pixels);
}

function addPoint(writer: Writer, r: number): number {
  const drawn = encode(`${circle(0, 0, r)} f`);
  return writer.add(`<< /Type /XObject /Subtype /Form /BBox [${n(-r)} ${n(-r)} ${n(r)} ${n(r)}] /Resources << >> /Length ${drawn.length} >>`, drawn);
}

export async function toPdf(scene: Scene): Promise<Uint8Array<ArrayBuffer>> {
  const needs: Needs = { pictures: [], radii: [] };
  const shades = [...new Set(scene.marks.map((mark) => mark.opacity ?? 1))];
  const lines = scene.marks.map((mark) => `/G${shades.indexOf(mark.opacity ?? 1)} gs ${spell(mark, scene.height, needs)}`);
  const writer = new Writer();
  const content = await deflate(encode(`1 j\n${lines.join('\n')}`));
  const contentId = writer.add(`<< /Length ${content.length} /Filter /FlateDecode >>`, content);
  const font = (name: string, encoding: string) => writer.add(`<< /Type /Font /Subtype /Type1 /BaseFont /${name}${encoding} >>`);
  const fonts = [font('Helvetica', ' /Encoding /WinAnsiEncoding'), font('Helvetica-Bold', ' /Encoding /WinAnsiEncoding'), font('Symbol', '')];
  const pictures: number[] = [];
  for (const picture of needs.pictures) pictures.push(await addPicture(writer, picture));
  const points = needs.radii.map((r) => addPoint(writer, r));
  const named = (letter: string, from: number, ids: number[]) => ids.map((id, i) => `/${letter}${i + from} ${id} 0 R`).join(' ');
  const states = shades.map((shade, i) => `/G${i} << /ca ${n(shade)} /CA ${n(shade)} >>`).join(' ');
  const resources = `<< /Font << ${named('F', 1, fonts)} >> /XObject << ${named('I', 0, pictures)} ${named('P', 0, points)} >> /ExtGState << ${states} >> >>`;
  // the page names its parent, which comes right after it
  const pageId = writer.nextId;
  writer.add(`<< /Type /Page /Parent ${pageId + 1} 0 R /MediaBox [0 0 ${n(scene.width)} ${n(scene.height)}] /Contents ${contentId} 0 R /Resources ${resources} >>`);
  const pagesId = writer.add(`<< /Type /Pages /Kids [${pageId} 0 R] /Count 1 >>`);
  return writer.end(writer.add(`<< /Type /Catalog /Pages ${pagesId} 0 R >>`));
}
