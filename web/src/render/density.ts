/** The density picture on a canvas: computed by a worker, shifted at once while the next one is on its way. */

import type { DensityInput } from '../data/density';
import type { DensityAnswer, DensityMessage } from '../data/density.worker';
import { toScreen, type Viewport } from '../data/viewport';

export class DensityRenderer {
  private readonly worker: Worker;
  private readonly context: CanvasRenderingContext2D;
  private readonly raster = document.createElement('canvas');
  private rasterView: Viewport | null = null;
  private wanted: Viewport | null = null;
  private busy = false;
  private nextId = 1;
  /** Called for every picture that the worker has made. */
  onPicture: (answer: DensityAnswer) => void = () => undefined;

  constructor(readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext('2d');
    if (!context) throw new Error('This browser has no 2D canvas');
    this.context = context;
    this.worker = new Worker(new URL('../data/density.worker.ts', import.meta.url), { type: 'module' });
    this.worker.onmessage = (event: MessageEvent<DensityAnswer>) => this.receive(event.data);
  }

  set(part: Partial<DensityInput>): void {
    this.post({ kind: 'set', part });
    this.rasterView = null;
  }

  private post(message: DensityMessage): void {
    this.worker.postMessage(message);
  }

  /** Ask for the picture of a view; only the newest waits. */
  request(view: Viewport): void {
    this.wanted = view;
    this.next();
  }

  private next(): void {
    if (this.busy || !this.wanted) return;
    const view = { ...this.wanted, width: Math.max(1, Math.round(this.wanted.width)), height: Math.max(1, Math.round(this.wanted.height)) };
    this.wanted = null;
    this.busy = true;
    this.post({ kind: 'draw', view, id: this.nextId++ });
  }

  private receive(answer: DensityAnswer): void {
    this.busy = false;
    const { width, height } = answer.view;
    this.raster.width = width;
    this.raster.height = height;
    this.raster.getContext('2d')?.putImageData(new ImageData(answer.pixels, width, height), 0, 0);
    this.rasterView = answer.view;
    this.onPicture(answer);
    this.next();
  }

  /** Put the newest picture where it belongs in the view of now. */
  draw(view: Viewport): void {
    const { canvas, context, rasterView } = this;
    if (canvas.width !== Math.round(view.width) || canvas.height !== Math.round(view.height)) {
      canvas.width = Math.max(1, Math.round(view.width));
      canvas.height = Math.max(1, Math.round(view.height));
    }
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!rasterView) return;
    const factor = view.scale / rasterView.scale;
    const [cx, cy] = toScreen(view, rasterView.x, rasterView.y);
    const w = rasterView.width * factor;
    const h = rasterView.height * factor;
    context.imageSmoothingEnabled = factor !== 1;
    context.drawImage(this.raster, cx - w / 2, cy - h / 2, w, h);
  }

  clear(): void {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  destroy(): void {
    this.worker.terminate();
  }
}
