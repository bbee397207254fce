/**
 * The plot of cells: points by WebGL, or a density picture where points would be too slow to be pleasant.
 *
 * Imperative: `set…` gives data, `draw` asks for a frame, `pick` finds a cell, `destroy` lets go.
 */

import { PointGrid } from '../data/grid';
import { countInView, drawOrder, shuffled } from '../data/order';
import type { Shading } from '../data/shade';
import { boundsOf, fit, panBy, toData, zoomAt, type Viewport } from '../data/viewport';
import { DensityRenderer } from './density';
import { cellMarks, cellsInView, MOST_POINTS, printRatio } from './figure/points';
import type { Mark } from './figure/scene';
import { FrameMeter } from './frames';
import { drawOverlay, overlayMarks, type OverlayState } from './overlay';
import { PointsRenderer } from './points';

export type Mode = 'auto' | 'points' | 'density';

export interface ScatterStatus {
  drawnAs: 'points' | 'density';
  isSoftware: boolean;
  hasWebGl: boolean;
  framesPerSecond: number;
  inView: number;
}

export interface Camera {
  view: Viewport;
  /** Scale at which all cells are in view. */
  fittedScale: number;
}

/** Points in view above which a density picture is drawn: without and with a graphics card. */
const LIMIT_SOFTWARE = 60_000;
const LIMIT_HARDWARE = 1_500_000;
const EMPTY = new Float32Array(0);

export class Scatter {
  view: Viewport = { x: 0, y: 0, scale: 1, width: 1, height: 1 };
  mode: Mode = 'auto';
  pointSize = 0;
  onView: () => void = () => undefined;
  onStatus: (status: ScatterStatus) => void = () => undefined;
  private x: Float32Array = EMPTY;
  private y: Float32Array = EMPTY;
  private shading: Shading = { shades: new Uint8Array(0), table: new Uint8Array(1024), ranked: false };
  private flags: Uint8Array = new Uint8Array(0);
  private base: Uint32Array = new Uint32Array(0);
  private grid: PointGrid | null = null;
  private points: PointsRenderer | null = null;
  private readonly density: DensityRenderer;
  private readonly overlay: CanvasRenderingContext2D | null;
  private overlayState: OverlayState | null = null;
  private frame = 0;
  private orderIsOld = true;
  private rasterIsOld = true;
  private drawnAs: 'points' | 'density' = 'points';
  private inView = 0;
  private fitted = false;
  private fittedScale = 1;
  private readonly meter = new FrameMeter();

  constructor(
    private readonly glCanvas: HTMLCanvasElement,
    densityCanvas: HTMLCanvasElement,
    private readonly overlayCanvas: HTMLCanvasElement,
  ) {
    try {
      this.points = new PointsRenderer(glCanvas);
    } catch {
      // No WebGL: everything is drawn as density, which needs only a 2D canvas.
      this.points = null;
    }
    this.density = new DensityRenderer(densityCanvas);
    this.density.onPicture = () => {
      this.meter.tick();
      this.draw();
    };
    this.overlay = overlayCanvas.getContext('2d');
    glCanvas.addEventListener('webglcontextlost', this.lost);
  }

  private readonly lost = (event: Event) => {
    event.preventDefault();
    this.points = null;
    this.rasterIsOld = true;
    this.draw();
  };

  setPositions(x: Float32Array, y: Float32Array): void {
    this.x = x;
    this.y = y;
    this.grid = null;
    if (this.base.length !== x.length) this.base = shuffled(x.length);
    if (this.shading.shades.length !== x.length) this.shading = { ...this.shading, shades: new Uint8Array(x.length) };
    if (this.flags.length !== x.length) this.flags = new Uint8Array(x.length);
    this.points?.set('x', x);
    this.points?.set('y', y);
    this.density.set({ x, y });
    this.changed();
    this.fit();
  }

  setShading(shading: Shading): void {
    this.shading = shading;
    this.points?.set('shade', shading.shades);
    this.points?.setTable(shading.table);
    this.density.set({ shades: shading.shades, table: shading.table });
    this.changed();
  }

  setFlags(flags: Uint8Array): void {
    this.flags = flags;
    this.points?.set('flag', flags);
    this.density.set({ flags });
    this.changed();
  }

  setOverlay(state: OverlayState): void {
    this.overlayState = state;
    this.draw();
  }

  setMode(mode: Mode, pointSize: number): void {
    this.mode = mode;
    this.pointSize = pointSize;
    this.changed();
  }

  resize(width: number, height: number): void {
    if (width < 2 || height < 2) return;
    this.view = { ...this.view, width, height };
    if (!this.fitted) this.fit();
    this.moved();
  }

  fit(): void {
    this.view = fit(boundsOf(this.x, this.y), this.view.width, this.view.height);
    this.fittedScale = this.view.scale;
    this.fitted = this.x.length > 0 && this.view.width > 2;
    this.moved();
  }

  /** Where one looks, to come back to it later. */
  camera(): Camera {
    return { view: this.view, fittedScale: this.fittedScale };
  }

  restore({ view, fittedScale }: Camera): void {
    this.view = { ...this.view, x: view.x, y: view.y, scale: view.scale };
    this.fittedScale = fittedScale;
    this.fitted = true;
    this.moved();
  }

  pan(dx: number, dy: number): void {
    this.view = panBy(this.view, dx, dy);
    this.moved();
  }

  zoom(px: number, py: number, factor: number): void {
    this.view = zoomAt(this.view, px, py, factor);
    this.moved();
  }

  /** The shown cell nearest to a place on the screen, within a few pixels; -1 where there is none. */
  pick(px: number, py: number): number {
    if (this.x.length === 0) return -1;
    this.grid ??= new PointGrid(this.x, this.y);
    const [x, y] = toData(this.view, px, py);
    return this.grid.nearest(x, y, 8 / this.view.scale, (i) => this.flags[i] !== 0);
  }

  draw(): void {
    if (!this.frame) this.frame = requestAnimationFrame(this.paint);
  }

  status(): ScatterStatus {
    return {
      drawnAs: this.drawnAs,
      isSoftware: this.points?.isSoftware ?? true,
      hasWebGl: this.points !== null,
      framesPerSecond: this.meter.rate(),
      inView: this.inView,
    };
  }

  /** Whether the cells of a file are a picture: a density, or too many for points. */
  get isPicture(): boolean {
    return this.drawnAs !== 'points' || this.visible().length > MOST_POINTS;
  }

  /** What is shown as marks of a file on this paper with this ink, without what the pointer adds. */
  marks(ink: { ink: string; paper: string }): Mark[] {
    const { width, height } = this.view;
    const cells: Mark[] = this.isPicture
      ? [{ kind: 'image', x: 0, y: 0, width, height, canvas: this.picture(printRatio(width, height)) }]
      : cellMarks(this.visible(), { x: this.x, y: this.y, flags: this.flags, ...this.shading, view: this.view, size: this.size() });
    return [...cells, ...(this.overlayState ? overlayMarks(this.view, { ...this.overlayState, ...ink }) : [])];
  }

  private visible(): Uint32Array {
    return cellsInView({ x: this.x, y: this.y, flags: this.flags, ...this.shading }, this.base, this.view);
  }

  private picture(pixelRatio: number): HTMLCanvasElement {
    const out = document.createElement('canvas');
    out.width = Math.round(this.view.width * pixelRatio);
    out.height = Math.round(this.view.height * pixelRatio);
    if (this.drawnAs === 'points') this.points?.draw(this.view, pixelRatio, this.size() * pixelRatio);
    out.getContext('2d')?.drawImage(this.drawnAs === 'points' ? this.glCanvas : this.density.canvas, 0, 0, out.width, out.height);
    this.moved();
    return out;
  }

  destroy(): void {
    cancelAnimationFrame(this.frame);
    this.glCanvas.removeEventListener('webglcontextlost', this.lost);
    this.points?.destroy();
    this.density.destroy();
  }

  private moved(): void {
    this.rasterIsOld = true;
    // On a slow renderer only what is in view is drawn, so the list depends on the view.
    if (this.points?.isSoftware) this.orderIsOld = true;
    this.onView();
    this.draw();
  }

  private changed(): void {
    this.orderIsOld = true;
    this.rasterIsOld = true;
    this.draw();
  }

  private size(): number {
    if (this.pointSize > 0) return this.pointSize;
    const n = Math.max(1, this.x.length);
    // Zoomed in, points grow a little, so that a few cells are easy to hit.
    const grown = Math.min(3, Math.max(1, (this.view.scale / this.fittedScale) ** 0.4));
    return Math.min(8, Math.max(1.5, 220 / Math.sqrt(n)) * grown);
  }

  private choose(): 'points' | 'density' {
    if (!this.points) return 'density';
    const limit = this.points.isSoftware ? LIMIT_SOFTWARE : LIMIT_HARDWARE;
    const input = { x: this.x, y: this.y, flags: this.flags, shades: this.shading.shades, ranked: false };
    this.inView = countInView(input, this.view, Infinity);
    if (this.mode !== 'auto') return this.mode;
    return this.inView > limit ? 'density' : 'points';
  }

  private readonly paint = () => {
    this.frame = 0;
    const { view } = this;
    if (this.rasterIsOld || this.orderIsOld) this.drawnAs = this.choose();
    if (this.drawnAs === 'density') {
      if (this.rasterIsOld) this.density.request(view);
      this.rasterIsOld = false;
      this.points?.clear();
      this.density.draw(view);
    } else if (this.points) {
      this.paintPoints(this.points);
    }
    this.paintOverlay();
    this.onStatus(this.status());
  };

  private paintPoints(points: PointsRenderer): void {
    this.density.clear();
    if (this.orderIsOld) {
      const input = { x: this.x, y: this.y, flags: this.flags, ...this.shading };
      points.setOrder(drawOrder(input, this.base, points.isSoftware ? this.view : null));
      this.orderIsOld = false;
    }
    const ratio = window.devicePixelRatio || 1;
    if (this.rasterIsOld) {
      points.draw(this.view, ratio, this.size() * ratio);
      this.rasterIsOld = false;
      this.meter.tick();
    }
  }

  private paintOverlay(): void {
    const { overlay, overlayCanvas, view } = this;
    if (!overlay || !this.overlayState) return;
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(view.width * ratio);
    const height = Math.round(view.height * ratio);
    if (overlayCanvas.width !== width || overlayCanvas.height !== height) {
      overlayCanvas.width = width;
      overlayCanvas.height = height;
    }
    overlay.setTransform(ratio, 0, 0, ratio, 0, 0);
    overlay.clearRect(0, 0, view.width, view.height);
    drawOverlay(overlay, view, this.overlayState);
  }
}
