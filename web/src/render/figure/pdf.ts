/** A scene as a PDF file of one page: vector, text as text in the fonts that every reader has. */

import { parseHex } from '../../data/colors';
import { BASELINE, FONT_SIZE, type ImageMark, type Mark, type Scene, type TextMark } from './scene';
import { textWidth } from './widths';

/** What WinAnsi has between 128 and 159, and Greek and signs in the font Symbol; others become '?'. */
const ANSI: Record<string, number> = { '€': 128, '…': 133, '‘': 145, '’': 146, '“': 147, '”': 148, '•': 149, '–': 150, '—': 151, '™': 153 };
const GREEK = 'αaβbγgδdεeζzηhθqιiκkλlμmνnξxοoπpρrσsτtυuφfχcψyωwΓGΔDΘQΛLΞXΠPΣSΦFΨYΩW';
const SYMBOL: Record<string, number> = { '≥': 0xb3, '≤': 0xa3, '−': 0x2d, '→': 0xae, '∞': 0xa5, '≠': 0xb9 };
for (let i = 0; i < GREEK.length; i += 2) SYMBOL[GREEK[i]] = GREEK.charCodeAt(i + 1);

const n = (v: number) => String(Math.round(v * 1000) / 1000);
const rgb = (hex: string) => parseHex(hex).map((c) => n(c / 255)).join(' ');

interface Run {
  symbol: boolean;
  bytes: number[];
  text: string;
}

/** Parts of a text by the font that has their letters. */
export function runsOf(text: string): Run[] {
  const runs: Run[] = [];
  for (const letter of text) {
    const code = letter.codePointAt(0) ?? 63;
    const symbol = SYMBOL[letter] !== undefined;
    const byte = symbol ? SYMBOL[letter] : (ANSI[letter] ?? ((code >= 32 && code < 127) || (code >= 160 && code < 256) ? code : 63));
    const last = runs[runs.length - 1];
    if (last?.symbol === symbol) {
      last.bytes.push(byte);
      last.text += letter;
    } else runs.push({ symbol, bytes: [byte], text: letter });
  }
  return runs;
}

function spellText(mark: TextMark, height: number): string {
  const size = mark.size ?? FONT_SIZE;
  const width = textWidth(mark.text, size, mark.bold);
  const start = mark.anchor === 'end' ? -width : mark.anchor === 'middle' ? -width / 2 : 0;
  const angle = ((mark.turn ?? 0) * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const drop = -BASELINE * size;
  const x = mark.x + start * cos - drop * sin;
  const y = height - mark.y + start * sin + drop * cos;
  const parts = runsOf(mark.text).map((run) => {
    const font = run.symbol ? 'F3' : mark.bold ? 'F2' : 'F1';
    return `/${font} ${n(size)} Tf <${run.bytes.map((b) => b.toString(16).padStart(2, '0')).join('')}> Tj`;
  });
  return `BT ${rgb(mark.fill)} rg ${n(cos)} ${n(sin)} ${n(-sin)} ${n(cos)} ${n(x)} ${n(y)} Tm ${parts.join(' ')} ET`;
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

function outline(mark: Exclude<Mark, TextMark | ImageMark>, height: number): string {
  if (mark.kind === 'rect') return `${n(mark.x)} ${n(height - mark.y - mark.height)} ${n(mark.width)} ${n(mark.height)} re`;
  if (mark.kind === 'circle') return circle(mark.x, height - mark.y, mark.r);
  const points = mark.kind === 'line' ? [mark.x1, mark.y1, mark.x2, mark.y2] : mark.points;
  const steps: string[] = [];
  for (let i = 0; i < points.length; i += 2) steps.push(`${n(points[i])} ${n(height - points[i + 1])} ${i ? 'l' : 'm'}`);
  return steps.join(' ') + (mark.kind === 'area' && mark.closed ? ' h' : '');
}

function spell(mark: Mark, height: number, images: ImageMark[]): string {
  if (mark.kind === 'text') return spellText(mark, height);
  if (mark.kind === 'image') {
    images.push(mark);
    return `q ${n(mark.width)} 0 0 ${n(mark.height)} ${n(mark.x)} ${n(height - mark.y - mark.height)} cm /I${images.length - 1} Do Q`;
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

export async function toPdf(scene: Scene): Promise<Uint8Array<ArrayBuffer>> {
  const images: ImageMark[] = [];
  const shades = [...new Set(scene.marks.map((mark) => mark.opacity ?? 1))];
  const lines = scene.marks.map((mark) => `/G${shades.indexOf(mark.opacity ?? 1)} gs ${spell(mark, scene.height, images)}`);
  const writer = new Writer();
  const content = await deflate(encode(`1 j\n${lines.join('\n')}`));
  const contentId = writer.add(`<< /Length ${content.length} /Filter /FlateDecode >>`, content);
  const font = (name: string, encoding: string) => writer.add(`<< /Type /Font /Subtype /Type1 /BaseFont /${name}${encoding} >>`);
  const fonts = [font('Helvetica', ' /Encoding /WinAnsiEncoding'), font('Helvetica-Bold', ' /Encoding /WinAnsiEncoding'), font('Symbol', '')];
  const pictures: number[] = [];
  for (const { canvas } of images) {
    const pixels = await deflate(pixelsOf(canvas));
    const head = `/Type /XObject /Subtype /Image /Width ${canvas.width} /Height ${canvas.height} /ColorSpace /DeviceRGB /BitsPerComponent 8`;
    pictures.push(writer.add(`<< ${head} /Filter /FlateDecode /Length ${pixels.length} >>`, pixels));
  }
  const named = (letter: string, from: number, ids: number[]) => ids.map((id, i) => `/${letter}${i + from} ${id} 0 R`).join(' ');
  const states = shades.map((shade, i) => `/G${i} << /ca ${n(shade)} /CA ${n(shade)} >>`).join(' ');
  const resources = `<< /Font << ${named('F', 1, fonts)} >> /XObject << ${named('I', 0, pictures)} >> /ExtGState << ${states} >> >>`;
  // the page names its parent, which comes right after it
  const pageId = contentId + fonts.length + pictures.length + 1;
  writer.add(`<< /Type /Page /Parent ${pageId + 1} 0 R /MediaBox [0 0 ${n(scene.width)} ${n(scene.height)}] /Contents ${contentId} 0 R /Resources ${resources} >>`);
  const pagesId = writer.add(`<< /Type /Pages /Kids [${pageId} 0 R] /Count 1 >>`);
  return writer.end(writer.add(`<< /Type /Catalog /Pages ${pagesId} 0 R >>`));
}
