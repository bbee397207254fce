/** A scene painted on a canvas, for picture files. */

import { BASELINE, FONT_SIZE, type Mark, type Scene } from './scene';
import { FONT } from './svg';

function trace(context: CanvasRenderingContext2D, mark: Mark): void {
  context.beginPath();
  if (mark.kind === 'rect') context.rect(mark.x, mark.y, mark.width, mark.height);
  else if (mark.kind === 'circle') context.arc(mark.x, mark.y, mark.r, 0, 2 * Math.PI);
  else if (mark.kind === 'line') {
    context.moveTo(mark.x1, mark.y1);
    context.lineTo(mark.x2, mark.y2);
  } else if (mark.kind === 'area') {
    for (let i = 0; i < mark.points.length; i += 2) context.lineTo(mark.points[i], mark.points[i + 1]);
    if (mark.closed) context.closePath();
  }
}

function paint(context: CanvasRenderingContext2D, mark: Mark): void {
  context.globalAlpha = mark.opacity ?? 1;
  if (mark.kind === 'image') {
    context.drawImage(mark.canvas, mark.x, mark.y, mark.width, mark.height);
    return;
  }
  if (mark.kind === 'text') {
    const size = mark.size ?? FONT_SIZE;
    context.save();
    context.translate(mark.x, mark.y);
    if (mark.turn) context.rotate((-mark.turn * Math.PI) / 180);
    context.font = `${mark.bold ? '600 ' : ''}${size}px ${FONT}`;
    context.textAlign = mark.anchor === 'middle' ? 'center' : mark.anchor === 'end' ? 'right' : 'left';
    if (mark.halo) {
      context.strokeStyle = mark.halo;
      context.lineWidth = 3;
      context.lineJoin = 'round';
      context.strokeText(mark.text, 0, BASELINE * size);
    }
    context.fillStyle = mark.fill;
    context.fillText(mark.text, 0, BASELINE * size);
    context.restore();
    return;
  }
  if (mark.kind === 'points') {
    for (let i = 0; i < mark.xs.length; i++) {
      context.beginPath();
      context.arc(mark.x + mark.xs[i], mark.y + mark.ys[i], mark.r, 0, 2 * Math.PI);
      context.fillStyle = mark.colors[mark.codes[i]];
      context.fill();
    }
    return;
  }
  trace(context, mark);
  if ('fill' in mark && mark.fill) {
    context.fillStyle = mark.fill;
    context.fill();
  }
  if (mark.stroke) {
    context.strokeStyle = mark.stroke;
    context.lineWidth = ('width' in mark && mark.kind !== 'rect' ? mark.width : 1) ?? 1;
    context.lineJoin = 'round';
    context.stroke();
  }
}

/** `ratio` is the number of pixels a point. */
export function toCanvas(scene: Scene, ratio: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(scene.width * ratio);
  canvas.height = Math.round(scene.height * ratio);
  const context = canvas.getContext('2d');
  if (!context) throw new Error('This browser has no 2D canvas');
  context.scale(ratio, ratio);
  scene.marks.forEach((mark) => paint(context, mark));
  return canvas;
}

export function toPng(scene: Scene, ratio: number): Promise<Blob> {
  return new Promise((resolve, reject) =>
    toCanvas(scene, ratio).toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The browser could not make the picture'))), 'image/png'),
  );
}
