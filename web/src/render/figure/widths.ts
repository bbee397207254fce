/** How wide text is in Helvetica, in thousandths of its size: figures are laid out by it everywhere. */

const ASCII = [
  278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556,
  556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
  667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556,
  556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];
const OTHER = 600;
/** Letters of East Asia are as wide as high. */
const SQUARE = 1000;
const BOLD = 1.07;

export function textWidth(text: string, size: number, bold = false): number {
  let sum = 0;
  for (const c of text) {
    const code = c.codePointAt(0) ?? 0;
    sum += ASCII[code - 32] ?? (code >= 0x2e80 ? SQUARE : OTHER);
  }
  return (sum / 1000) * size * (bold ? BOLD : 1);
}

/** The page's own font may be wider than Helvetica: names get this much more room. */
const SLACK = 1.14;
export const roomOf = (text: string, size: number) => SLACK * textWidth(text, size);

/** The text, cut with an ellipsis where it is wider than the room for it. */
export function shortened(text: string, room: number, size: number): string {
  if (roomOf(text, size) <= room) return text;
  const letters = [...text];
  let n = letters.length - 1;
  while (n > 1 && roomOf(`${letters.slice(0, n).join('')}…`, size) > room) n--;
  return `${letters.slice(0, n).join('')}…`;
}
