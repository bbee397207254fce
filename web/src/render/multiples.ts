/**
 * Small multiples of one embedding: a panel for each part of the cells, all seen by one camera.
 *
 * One WebGL canvas draws every panel in turn, because browsers allow few of them; the pictures are copied to the
 * panels' own canvases. Where there is no WebGL, panels are drawn point by point.
 */

import { shuffled } from '../data/order';
import type { Shading } from '../data/shade';
import { boundsOf, fit, panBy, zoomAt, type Viewport } from '../data/viewport';
import { MOST_POINTS, pointsMark, printRatio } from './figure/points';
import type { Mark } from './figure/scene';
import { PointsRenderer } from './points';

/** Points that are drawn of all panels together: without and with a graphics card. */
const MOST_SOFTWARE = 120_000;
const MOST_HARDWARE = 4_000_000;
const BRIGHT = 2;
const EMPTY = new Float32Array(0);

export class Multiples {
  view: Viewport = { x: 0, y: 0, scale: 1, width: 1, height: 1 };
  private readonly points: PointsRenderer | null;
  private readonly gl = document.createElement('canvas');
  private x: Float32Array = EMPTY;
  private y: Float32Array = EMPTY;
  private shading: Shading = { shades: new Uint8Array(0), table: new Uint8Array(1024), ranked: false };
  private backdrop = new Uint8Array(1024);
  private orders: Uint32Array[] = [];
  private all: Uint32Array = new Uint32Array(0);
  private canvases: HTMLCanvasElement[] = [];
  private frame = 0;

  constructor() {
    let points: PointsRenderer | null = null;
    try {
      points = new PointsRenderer(this.gl);
    } catch {
      // No WebGL here: the 2D canvas draws.
    }
    this.points = points;
  }

  /** Whether only some of the cells are drawn, evenly chosen. */
  get isSampled(): boolean {
    return 2 * this.x.length > this.most();
  }

  private most(): number {
    return this.points && !this.points.isSoftware ? MOST_HARDWARE : MOST_SOFTWARE;
  }

  setPositions(x: Float32Array, y: Float32Array): void {
    this.x = x;
    this.y = y;
    this.points?.set('x', x);
    this.points?.set('y', y);
    this.points?.set('flag', new Uint8Array(x.length).fill(BRIGHT));
    this.fit();
  }

  /** `backdrop` is the grey of the cells of other panels. */
  setShading(shading: Shading, backdrop: [number, number, number]): void {
    this.shading = shading;
    for (let i = 0; i < 256; i++) this.backdrop.set([...backdrop, 90], i * 4);
    this.points?.set('shade', shading.shades);
    this.draw();
  }

  /** The panel of each cell, -1 = none, and which cells are shown (0 = not). */
  setPanels(panelOf: Int32Array, nPanels: number, flags: Uint8Array): void {
    const base = shuffled(panelOf.length).subarray(0, this.most() / 2);
    const counts = new Uint32Array(nPanels);
    for (const i of base) if (panelOf[i] >= 0 && flags[i]) counts[panelOf[i]]++;
    this.orders = Array.from(counts, (n) => new Uint32Array(n));
    counts.fill(0);
    for (const i of base) if (panelOf[i] >= 0 && flags[i]) this.orders[panelOf[i]][counts[panelOf[i]]++] = i;
    this.all = base.filter((i) => flags[i] !== 0);
    this.draw();
  }

  setCanvases(canvases: HTMLCanvasElement[]): void {
    this.canvases = canvases;
    this.draw();
  }

  resize(width: number, height: number): void {
    if (width < 2 || height < 2 || (width === this.view.width && height === this.view.height)) return;
    this.view = { ...this.view, width, height };
    this.fit();
  }

  fit(): void {
    if (this.x.length) this.view = fit(boundsOf(this.x, this.y), this.view.width, this.view.height, 10);
    this.draw();
  }

  pan(dx: number, dy: number): void {
    this.view = panBy(this.view, dx, dy);
    this.draw();
  }

  zoom(px: number, py: number, factor: number): void {
    this.view = zoomAt(this.view, px, py, factor);
    this.draw();
  }

  draw(): void {
    if (!this.frame) this.frame = requestAnimationFrame(this.paint);
  }

  /** Whether the panels of a file are pictures: there are too many cells for points. */
  get isPicture(): boolean {
    return this.orders.length * this.all.length + this.orders.reduce((sum, order) => sum + order.length, 0) > MOST_POINTS;
  }

  /** The marks of each panel of a file. */
  marks(): Mark[][] {
    const { width, height } = this.view;
    if (this.isPicture) {
      const ratio = printRatio(width, height);
      return this.orders.map((_, i) => {
        const canvas = document.createElement('canvas');
        this.paintPanel(canvas, i, ratio, i === 0);
        return [{ kind: 'image', x: 0, y: 0, width, height, canvas }];
      });
    }
    const common = { x: this.x, y: this.y, shades: this.shading.shades, view: this.view, size: this.size() };
    const behind = pointsMark(this.all, { ...common, table: this.backdrop, opacity: this.backdrop[3] / 255 });
    return this.orders.map((order) => [behind, pointsMark(order, { ...common, table: this.shading.table, opacity: 0.9 })]);
  }

  destroy(): void {
    cancelAnimationFrame(this.frame);
    this.points?.destroy();
    // contexts are few: give this one back at once
    this.gl.getContext('webgl2')?.getExtension('WEBGL_lose_context')?.loseContext();
  }

  private readonly paint = () => {
    this.frame = 0;
    const ratio = window.devicePixelRatio || 1;
    this.canvases.forEach((canvas, i) => i < this.orders.length && this.paintPanel(canvas, i, ratio, i === 0));
  };

  private readonly behind = document.createElement('canvas');

  private paintPanel(canvas: HTMLCanvasElement, panel: number, ratio: number, isFirst: boolean): void {
    const [width, height] = [this.view.width, this.view.height].map((v) => Math.max(1, Math.round(v * ratio)));
    if (isFirst) {
      this.behind.width = width;
      this.behind.height = height;
      this.paintPoints(this.behind, this.all, this.backdrop, ratio);
    }
    canvas.width = width;
    canvas.height = height;
    canvas.getContext('2d')?.drawImage(this.behind, 0, 0);
    this.paintPoints(canvas, this.orders[panel], this.shading.table, ratio);
  }

  private size(): number {
    return Math.min(6, Math.max(1.5, 150 / Math.sqrt(Math.max(1, this.x.length))));
  }

  private paintPoints(canvas: HTMLCanvasElement, order: Uint32Array, table: Uint8Array, ratio: number): void {
    const context = canvas.getContext('2d');
    if (!context) return;
    if (this.points) {
      this.points.setTable(table);
      this.points.setOrder(order);
      this.points.draw(this.view, ratio, this.size() * ratio);
      context.drawImage(this.gl, 0, 0);
      return;
    }
    const { view, x, y } = this;
    const size = this.size() * ratio;
    for (const i of order) {
      const at = this.shading.shades[i] * 4;
      context.fillStyle = `rgb(${table[at]} ${table[at + 1]} ${table[at + 2]} / ${table[at + 3] / 255})`;
      const px = ((x[i] - view.x) * view.scale + view.width / 2) * ratio;
      const py = (view.height / 2 - (y[i] - view.y) * view.scale) * ratio;
      context.fillRect(px - size / 2, py - size / 2, size, size);
    }
  }
}
