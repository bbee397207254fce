/** The plot itself: puts the imperative scatter on the page and tells what the pointer does. */

import { useQuery } from '@tanstack/react-query';
import { useEffect, useImperativeHandle, useMemo, useRef, useState, type Ref } from 'react';
import type { Mark } from '../../render/figure/scene';
import { attachGestures, type Combine, type Tool } from '../../render/gestures';
import { Scatter, type ScatterStatus } from '../../render/scatter';
import { toData } from '../../data/viewport';
import { embeddingTitle, count } from '../../data/words';
import { barcodesQuery } from '../../state/queries';
import { currentRoute } from '../../state/route';
import { shownTheme } from '../../state/theme';
import { useStore } from '../../state/store';
import { categoryLabels } from './labels';
import type { ExplorerState } from './useExplorer';
import { describeCell } from './useColoring';

export interface PlotHandle {
  fit: () => void;
  zoom: (factor: number) => void;
  pan: (dx: number, dy: number) => void;
  /** What is shown, for a file on this paper with this ink. */
  marks: (ink: { ink: string; paper: string }) => { marks: Mark[]; width: number; height: number } | null;
  /** Whether the cells of such a file are a picture. */
  isPicture: () => boolean;
}

interface Hover {
  cell: number;
  x: number;
  y: number;
  /** Size of the plot then, so that the card stays within it. */
  width: number;
  height: number;
}

interface Props {
  state: ExplorerState;
  datasetId: string;
  tableName: string;
  tool: Tool;
  onOutline: (outline: number[], how: Combine) => void;
  ref: Ref<PlotHandle>;
}

const cssColor = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function Plot({ state, datasetId, tableName, tool, onOutline, ref }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const glCanvas = useRef<HTMLCanvasElement>(null);
  const densityCanvas = useRef<HTMLCanvasElement>(null);
  const overlayCanvas = useRef<HTMLCanvasElement>(null);
  const [scatter, setScatter] = useState<Scatter | null>(null);
  const [status, setStatus] = useState<ScatterStatus | null>(null);
  const [hover, setHover] = useState<Hover | null>(null);
  const [outline, setOutline] = useState<number[] | null>(null);
  const latest = useRef({ tool, onOutline });
  useEffect(() => {
    latest.current = { tool, onOutline };
  });

  useEffect(() => {
    const [gl, density, overlay] = [glCanvas.current, densityCanvas.current, overlayCanvas.current];
    const element = box.current;
    if (!gl || !density || !overlay || !element) return;
    const made = new Scatter(gl, density, overlay);
    const watch = new ResizeObserver(([entry]) => made.resize(entry.contentRect.width, entry.contentRect.height));
    watch.observe(element);
    made.onStatus = setStatus;
    const toOutline = (pixels: number[]) => {
      const out: number[] = [];
      for (let i = 0; i < pixels.length; i += 2) out.push(...toData(made.view, pixels[i], pixels[i + 1]));
      return out;
    };
    let frame = 0;
    const detach = attachGestures(element, {
      tool: () => latest.current.tool,
      pan: (dx, dy) => made.pan(dx, dy),
      zoom: (x, y, factor) => made.zoom(x, y, factor),
      hover: (x, y) => {
        cancelAnimationFrame(frame);
        frame = requestAnimationFrame(() => {
          const cell = made.pick(x, y);
          setHover(cell < 0 ? null : { cell, x, y, width: made.view.width, height: made.view.height });
        });
      },
      leave: () => {
        cancelAnimationFrame(frame);
        setHover(null);
      },
      click: () => undefined,
      outline: (pixels, done, how) => {
        setHover(null);
        setOutline(done ? null : toOutline(pixels));
        if (done) latest.current.onOutline(toOutline(pixels), how);
      },
    });
    setScatter(made);
    return () => {
      cancelAnimationFrame(frame);
      detach();
      watch.disconnect();
      made.destroy();
      setScatter(null);
    };
  }, []);

  useImperativeHandle(
    ref,
    () => ({
      fit: () => scatter?.fit(),
      zoom: (factor) => scatter?.zoom(scatter.view.width / 2, scatter.view.height / 2, factor),
      pan: (dx, dy) => scatter?.pan(dx, dy),
      marks: ({ ink, paper }) => scatter && { marks: scatter.marks({ ink, paper }), width: scatter.view.width, height: scatter.view.height },
      isPicture: () => scatter?.isPicture ?? false,
    }),
    [scatter],
  );
  useScatterData(scatter, state, hover?.cell ?? -1, outline);
  const wantsFps = currentRoute().query.get('fps') === '1';
  return (
    <div ref={box} className={tool === 'pan' ? 'plot' : 'plot drawing'} role="img" tabIndex={0} aria-label={`Plot of ${count(state.n)} cells by ${embeddingTitle(state.embeddingName ?? '')}, coloured by ${state.coloring.title}`} data-drawn={status?.drawnAs}>
      <canvas ref={glCanvas} />
      <canvas ref={densityCanvas} />
      <canvas ref={overlayCanvas} />
      {state.busy && <div className="loading" role="status" aria-label="Loading values" />}
      {status && <Corner state={state} status={status} wantsFps={wantsFps} />}
      {hover && <HoverCard state={state} datasetId={datasetId} tableName={tableName} hover={hover} />}
    </div>
  );
}

/** Hand over to the scatter whatever changed. */
function useScatterData(scatter: Scatter | null, state: ExplorerState, hovered: number, outline: number[] | null): void {
  const theme = useStore(shownTheme);
  const { x, y, coloring, flags, view, columns, color, n, camera } = state;
  useEffect(() => {
    if (!scatter || !x || !y) return;
    scatter.setPositions(x, y);
    if (camera.current?.x === x && camera.current.y === y) scatter.restore(camera.current.camera);
    return () => {
      camera.current = { x, y, camera: scatter.camera() };
    };
  }, [scatter, x, y, camera]);
  useEffect(() => {
    if (coloring.shading.shades.length === n) scatter?.setShading(coloring.shading);
  }, [scatter, coloring.shading, n, x]);
  useEffect(() => scatter?.setFlags(flags), [scatter, flags, x]);
  useEffect(() => scatter?.setMode(view.mode, view.size), [scatter, view.mode, view.size]);
  const column = color?.by === 'column' ? columns.get(color.name) : undefined;
  const labels = useMemo(
    () => (view.labels && column?.kind === 'categorical' && x && y ? categoryLabels(column, x, y, state.shown) : []),
    [view.labels, column, x, y, state.shown],
  );
  const title = embeddingTitle(state.embeddingName ?? '');
  const [dx, dy] = state.dims;
  useEffect(() => {
    scatter?.setOverlay({
      outline,
      hover: x && y && hovered >= 0 ? { x: x[hovered], y: y[hovered] } : null,
      labels,
      axes: [`${title} ${dx + 1}`, `${title} ${dy + 1}`],
      ink: cssColor('--ink'),
      paper: cssColor('--paper'),
      accent: cssColor('--accent'),
    });
  }, [scatter, outline, hovered, labels, title, dx, dy, x, y, theme]);
}

function Corner({ state, status, wantsFps }: { state: ExplorerState; status: ScatterStatus; wantsFps: boolean }) {
  const shown = state.shown ? state.shown.count() : state.n;
  const parts = [
    shown === state.n ? `${count(state.n)} cells` : `${count(shown)} of ${count(state.n)} cells`,
    status.drawnAs === 'density' && 'density',
  ];
  if (wantsFps) {
    const rate = status.framesPerSecond;
    parts.push(`${Number.isNaN(rate) ? '–' : rate.toFixed(1)} frames/s`, status.isSoftware ? 'software renderer' : 'graphics card');
  }
  return <div className="corner" data-fps={status.framesPerSecond}>{parts.filter(Boolean).join(' · ')}</div>;
}

interface HoverProps {
  state: ExplorerState;
  datasetId: string;
  tableName: string;
  hover: Hover;
}


function HoverCard({ state, datasetId, tableName, hover }: HoverProps) {
  const barcodes = useQuery(barcodesQuery(datasetId, tableName)).data;
  const { cell, width, height } = hover;
  const value = state.coloring.describe(cell);
  const others = [...state.columns.values()].filter((c) => c.name !== state.coloring.title).slice(0, 8);
  const place = {
    left: hover.x < width - 300 ? hover.x + 14 : undefined,
    right: hover.x < width - 300 ? undefined : width - hover.x + 14,
    top: hover.y < height - 160 ? hover.y + 14 : undefined,
    bottom: hover.y < height - 160 ? undefined : height - hover.y + 14,
  };
  return (
    <div className="hover-card" style={place}>
      <div className="mono">{barcodes ? barcodes(cell) : `cell ${count(cell + 1)}`}</div>
      <dl>
        {value !== null && <><dt>{state.coloring.title}</dt><dd>{value}</dd></>}
        {others.map((c) => [<dt key={`${c.name} name`}>{c.name}</dt>, <dd key={c.name}>{describeCell(c, cell)}</dd>])}
      </dl>
    </div>
  );
}
