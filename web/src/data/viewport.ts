/** What part of the plane is on the screen. Screen y runs down, data y runs up. */

export interface Viewport {
  /** Data coordinates of the middle of the view. */
  x: number;
  y: number;
  /** Pixels per data unit, the same on both axes. */
  scale: number;
  /** Size in CSS pixels. */
  width: number;
  height: number;
}

export interface Bounds {
  left: number;
  right: number;
  bottom: number;
  top: number;
}

export const toScreen = (v: Viewport, x: number, y: number): [number, number] => [
  (x - v.x) * v.scale + v.width / 2,
  v.height / 2 - (y - v.y) * v.scale,
];

export const toData = (v: Viewport, px: number, py: number): [number, number] => [
  (px - v.width / 2) / v.scale + v.x,
  (v.height / 2 - py) / v.scale + v.y,
];

export function boundsOf(x: Float32Array, y: Float32Array): Bounds {
  const b = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
  for (let i = 0; i < x.length; i++) {
    if (x[i] < b.left) b.left = x[i];
    if (x[i] > b.right) b.right = x[i];
    if (y[i] < b.bottom) b.bottom = y[i];
    if (y[i] > b.top) b.top = y[i];
  }
  if (!(b.left <= b.right) || !(b.bottom <= b.top)) return { left: -1, right: 1, bottom: -1, top: 1 };
  return b;
}

/** The view that shows all within a margin in pixels. */
export function fit(b: Bounds, width: number, height: number, margin = 36): Viewport {
  const w = Math.max(1, width - 2 * margin);
  const h = Math.max(1, height - 2 * margin);
  const dx = b.right - b.left || 1;
  const dy = b.top - b.bottom || 1;
  return {
    x: (b.left + b.right) / 2,
    y: (b.bottom + b.top) / 2,
    scale: Math.min(w / dx, h / dy),
    width,
    height,
  };
}

/** Zoom by a factor so that the point under the pointer stays put. */
export function zoomAt(v: Viewport, px: number, py: number, factor: number): Viewport {
  const [x, y] = toData(v, px, py);
  const scale = v.scale * factor;
  return { ...v, scale, x: x - (px - v.width / 2) / scale, y: y + (py - v.height / 2) / scale };
}

export function panBy(v: Viewport, dx: number, dy: number): Viewport {
  return { ...v, x: v.x - dx / v.scale, y: v.y + dy / v.scale };
}

export function visibleBounds(v: Viewport): Bounds {
  const [left, top] = toData(v, 0, 0);
  const [right, bottom] = toData(v, v.width, v.height);
  return { left, right, bottom, top };
}
