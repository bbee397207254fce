/** The frame of a plot of events: canvas, axes with ticks, names of the axes as buttons, gates over it. */

import { useEffect, useRef, type ReactNode } from 'react';
import { joinedNames } from '../../data/gating/axes';
import type { Axes } from '../../data/gating/drawing';
import type { Tick } from '../../data/gating/ticks';
import { Popover } from '../overlays';

export interface AxisInfo {
  label: string;
  side: string;
  ticks: Tick[];
  /** What opens when its name is clicked; null where it cannot be chosen. */
  menu: ((close: () => void) => ReactNode) | null;
}

interface Props {
  axes: Axes;
  x: AxisInfo;
  y: AxisInfo;
  /** Draws the events; called again when it is another function. */
  paint: (canvas: HTMLCanvasElement) => void;
  busy: boolean;
  children?: ReactNode;
}

export const MARGIN = { left: 58, bottom: 46, top: 6, right: 10 };

export function PlotFrame({ axes, x, y, paint, busy, children }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (canvas.current) paint(canvas.current);
  }, [paint]);
  const { width, height } = axes;
  const px = (v: number) => ((v - axes.x[0]) / (axes.x[1] - axes.x[0])) * width;
  const py = (v: number) => height - ((v - axes.y[0]) / (axes.y[1] - axes.y[0])) * height;
  return (
    <div className="plot-frame" style={{ width: width + MARGIN.left + MARGIN.right, height: height + MARGIN.top + MARGIN.bottom }}>
      <svg className="plot-axes" width={width + MARGIN.left + MARGIN.right} height={height + MARGIN.top + MARGIN.bottom} aria-hidden="true">
        <g transform={`translate(${MARGIN.left} ${MARGIN.top})`}>
          <path className="axis-line" d={`M0,0V${height}H${width}`} />
          {x.ticks.map((tick, i) => (
            <g key={i} transform={`translate(${px(tick.at).toFixed(1)} ${height})`}>
              <line className="tick" y2={tick.label ? 5 : 3} />
              {tick.label && <TickLabel tick={tick} x={0} y={17} anchor="middle" />}
            </g>
          ))}
          {y.ticks.map((tick, i) => (
            <g key={i} transform={`translate(0 ${py(tick.at).toFixed(1)})`}>
              <line className="tick" x2={tick.label ? -5 : -3} />
              {tick.label && <TickLabel tick={tick} x={-8} y={4} anchor="end" />}
            </g>
          ))}
        </g>
      </svg>
      <div className="plot-area" style={{ left: MARGIN.left, top: MARGIN.top, width, height }}>
        <canvas ref={canvas} aria-hidden="true" />
        {children}
        {busy && <div className="loading" role="status" aria-label="Loading events" />}
      </div>
      <div className="axis-name axis-x" style={{ left: MARGIN.left, width }}><AxisName axis={x} of="Horizontal" /></div>
      {y.label && <div className="axis-name axis-y" style={{ top: MARGIN.top, height }}><AxisName axis={y} of="Vertical" /></div>}
    </div>
  );
}

function TickLabel({ tick, x, y, anchor }: { tick: Tick; x: number; y: number; anchor: 'middle' | 'end' }) {
  return (
    <text x={x} y={y} textAnchor={anchor} className="tick-label">
      {tick.label}
      {tick.power !== null && <tspan dy={-4} fontSize={8.5}>{String(tick.power).replace('-', '−')}</tspan>}
    </text>
  );
}

function AxisName({ axis, of }: { axis: AxisInfo; of: string }) {
  const text = joinedNames(axis);
  if (!axis.menu) return <span className="small cut">{text}</span>;
  return <Popover label={`${of} axis: ${text}`} text={<><span className="hidden-label">{of} axis: </span>{text}</>} small look="plain" beside=".plot-card">{axis.menu}</Popover>;
}
