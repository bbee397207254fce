/** Pointer, wheel and touch on the plot, told as what they mean. */

export type Tool = 'pan' | 'lasso' | 'rectangle';

/** What an outline does with the selection there is. */
export type Combine = 'replace' | 'add' | 'subtract';

export interface GestureHandlers {
  tool: () => Tool;
  pan: (dx: number, dy: number) => void;
  zoom: (x: number, y: number, factor: number) => void;
  hover: (x: number, y: number) => void;
  leave: () => void;
  /** An outline is being drawn: pixel vertices x0, y0, x1, y1, … */
  outline: (vertices: number[], done: boolean, how: Combine) => void;
  click: (x: number, y: number) => void;
}

/** Listen on an element; the answer is a function that stops. */
export function attachGestures(element: HTMLElement, on: GestureHandlers): () => void {
  const pointers = new Map<number, { x: number; y: number }>();
  let vertices: number[] | null = null;
  let start: { x: number; y: number } | null = null;
  let moved = false;
  let tool: Tool = 'pan';
  const how = (event: MouseEvent): Combine => (event.altKey ? 'subtract' : event.shiftKey ? 'add' : 'replace');
  const at = (event: MouseEvent) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const down = (event: PointerEvent) => {
    if (event.button !== 0 && event.button !== 1) return;
    element.setPointerCapture(event.pointerId);
    const p = at(event);
    pointers.set(event.pointerId, p);
    start = p;
    moved = false;
    const held = on.tool();
    // Shift draws an outline whatever the tool; the space of a second finger or the middle button always pans.
    tool = event.button === 1 || pointers.size > 1 ? 'pan' : event.shiftKey && held === 'pan' ? 'lasso' : held;
    vertices = tool === 'pan' ? null : [p.x, p.y];
  };
  const pinch = (id: number, p: { x: number; y: number }) => {
    const before = pointers.get(id);
    const other = [...pointers].find(([key]) => key !== id)?.[1];
    if (!before || !other) return;
    const factor = Math.hypot(p.x - other.x, p.y - other.y) / Math.max(1, Math.hypot(before.x - other.x, before.y - other.y));
    on.zoom((p.x + other.x) / 2, (p.y + other.y) / 2, factor);
  };
  const move = (event: PointerEvent) => {
    const p = at(event);
    const before = pointers.get(event.pointerId);
    if (!before || !start) {
      on.hover(p.x, p.y);
      return;
    }
    if (Math.hypot(p.x - start.x, p.y - start.y) > 3) moved = true;
    if (pointers.size > 1) pinch(event.pointerId, p);
    else if (vertices && tool === 'rectangle') {
      vertices = [start.x, start.y, p.x, start.y, p.x, p.y, start.x, p.y];
      on.outline(vertices, false, how(event));
    } else if (vertices) {
      vertices.push(p.x, p.y);
      on.outline(vertices, false, how(event));
    } else if (moved) on.pan(p.x - before.x, p.y - before.y);
    pointers.set(event.pointerId, p);
  };
  const up = (event: PointerEvent) => {
    if (!pointers.delete(event.pointerId)) return;
    if (vertices && moved) on.outline(vertices, true, how(event));
    else if (!moved && event.type === 'pointerup') on.click(at(event).x, at(event).y);
    vertices = null;
    start = null;
  };
  const wheel = (event: WheelEvent) => {
    event.preventDefault();
    const p = at(event);
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    on.zoom(p.x, p.y, Math.exp(-event.deltaY * lines * 0.0015));
  };
  const leave = () => on.leave();
  element.addEventListener('pointerdown', down);
  element.addEventListener('pointermove', move);
  element.addEventListener('pointerup', up);
  element.addEventListener('pointercancel', up);
  element.addEventListener('pointerleave', leave);
  element.addEventListener('wheel', wheel, { passive: false });
  return () => {
    element.removeEventListener('pointerdown', down);
    element.removeEventListener('pointermove', move);
    element.removeEventListener('pointerup', up);
    element.removeEventListener('pointercancel', up);
    element.removeEventListener('pointerleave', leave);
    element.removeEventListener('wheel', wheel);
  };
}
