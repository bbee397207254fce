/** A picture file of the plot with its legend. */

export interface LegendRow {
  label: string;
  count: string;
  color: string;
}

export interface PictureParts {
  plot: HTMLCanvasElement;
  pixelRatio: number;
  title: string;
  /** Lines below the title. */
  lines: string[];
  rows: LegendRow[];
  /** Colours of a bar from low to high, with the values at its ends. */
  bar: { colors: string[]; low: string; high: string } | null;
  ink: string;
  paper: string;
}

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const LEGEND_WIDTH = 260;
const ROW = 20;

export function compose(parts: PictureParts): HTMLCanvasElement {
  const ratio = parts.pixelRatio;
  const width = parts.plot.width / ratio + LEGEND_WIDTH;
  const height = Math.max(parts.plot.height / ratio, 110 + parts.rows.length * ROW);
  const out = document.createElement('canvas');
  out.width = Math.round(width * ratio);
  out.height = Math.round(height * ratio);
  const context = out.getContext('2d');
  if (!context) return out;
  context.fillStyle = parts.paper;
  context.fillRect(0, 0, out.width, out.height);
  context.drawImage(parts.plot, 0, 0);
  context.scale(ratio, ratio);
  drawLegend(context, parts, parts.plot.width / ratio + 16);
  return out;
}

/** The text, cut with an ellipsis where it is wider than the room for it. */
function shortened(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let n = text.length - 1;
  while (n > 1 && context.measureText(`${text.slice(0, n)}…`).width > width) n--;
  return `${text.slice(0, n)}…`;
}

function drawLegend(context: CanvasRenderingContext2D, parts: PictureParts, x: number): void {
  context.textBaseline = 'middle';
  context.fillStyle = parts.ink;
  context.font = `600 14px ${FONT}`;
  context.fillText(shortened(context, parts.title, LEGEND_WIDTH - 32), x, 24);
  context.font = `12px ${FONT}`;
  parts.lines.forEach((line, i) => context.fillText(shortened(context, line, LEGEND_WIDTH - 32), x, 44 + i * 16));
  const top = 56 + parts.lines.length * 16;
  if (parts.bar) {
    const w = LEGEND_WIDTH - 40;
    const gradient = context.createLinearGradient(x, 0, x + w, 0);
    parts.bar.colors.forEach((c, i, all) => gradient.addColorStop(i / Math.max(1, all.length - 1), c));
    context.fillStyle = gradient;
    context.fillRect(x, top, w, 12);
    context.fillStyle = parts.ink;
    context.fillText(parts.bar.low, x, top + 24);
    context.textAlign = 'right';
    context.fillText(parts.bar.high, x + w, top + 24);
    context.textAlign = 'left';
  }
  parts.rows.forEach((row, i) => {
    const y = top + 6 + i * ROW;
    context.fillStyle = row.color;
    context.beginPath();
    context.arc(x + 6, y, 5, 0, 2 * Math.PI);
    context.fill();
    context.fillStyle = parts.ink;
    context.fillText(shortened(context, row.label, LEGEND_WIDTH - 110), x + 18, y);
    context.textAlign = 'right';
    context.fillText(row.count, x + LEGEND_WIDTH - 32, y);
    context.textAlign = 'left';
  });
}

/** Hand a canvas to the user as a PNG file. */
export function savePng(canvas: HTMLCanvasElement, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => {
      if (!blob) {
        reject(new Error('The browser could not make the picture'));
        return;
      }
      const link = document.createElement('a');
      link.href = URL.createObjectURL(blob);
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      resolve();
    }, 'image/png');
  });
}
