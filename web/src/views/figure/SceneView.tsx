/** A scene on the page, as SVG elements; what lies under the pointer is told beside it. */

import { memo, useState, type PointerEvent } from 'react';
import { BASELINE, FONT_SIZE, type Mark, type Scene } from '../../render/figure/scene';
import { pathOf, turnOf } from '../../render/figure/svg';

interface Props {
  scene: Scene;
  label: string;
  onPick?: (id: string) => void;
}

interface Hover {
  text: string;
  x: number;
  y: number;
  width: number;
}

export function SceneView({ scene, label, onPick }: Props) {
  const [hover, setHover] = useState<Hover | null>(null);
  const move = (event: PointerEvent<HTMLDivElement>) => {
    const text = event.target instanceof Element ? event.target.closest('[data-tip]')?.getAttribute('data-tip') : null;
    const box = event.currentTarget.getBoundingClientRect();
    setHover(text ? { text, x: event.clientX - box.left, y: event.clientY - box.top, width: box.width } : null);
  };
  const pick = (event: { target: EventTarget }) => {
    const id = event.target instanceof Element ? event.target.closest('[data-id]')?.getAttribute('data-id') : null;
    if (id != null) onPick?.(id);
  };
  const place = hover && (hover.x < hover.width - 240 ? { left: hover.x + 14 } : { right: hover.width - hover.x + 14 });
  return (
    <div className="scene" onPointerMove={move} onPointerLeave={() => setHover(null)} onClick={onPick && pick}>
      <Marks scene={scene} label={label} />
      {hover && (
        <div className="hover-card" style={{ ...place, top: hover.y + 14 }}>
          {hover.text.split('\n').map((line, i) => <div key={i}>{line}</div>)}
        </div>
      )}
    </div>
  );
}

const Marks = memo(function Marks({ scene, label }: { scene: Scene; label: string }) {
  return (
    <svg width={scene.width} height={scene.height} viewBox={`0 0 ${scene.width} ${scene.height}`} role="img" aria-label={label}>
      {scene.marks.map((mark, i) => <MarkView key={i} mark={mark} />)}
    </svg>
  );
});

function told(mark: Mark) {
  const data = Object.fromEntries(Object.entries(mark.data ?? {}).map(([name, value]) => [`data-${name}`, value]));
  return { 'data-tip': mark.tip, 'data-id': mark.id, opacity: mark.opacity, ...data };
}

function MarkView({ mark }: { mark: Mark }) {
  const rest = told(mark);
  switch (mark.kind) {
    case 'rect':
      return <rect x={mark.x} y={mark.y} width={mark.width} height={mark.height} fill={mark.fill} stroke={mark.stroke} {...rest} />;
    case 'line':
      return <line x1={mark.x1} y1={mark.y1} x2={mark.x2} y2={mark.y2} stroke={mark.stroke} strokeWidth={mark.width} {...rest} />;
    case 'area':
      return <path d={pathOf(mark.points, mark.closed)} fill={mark.fill ?? 'none'} stroke={mark.stroke} strokeWidth={mark.width} strokeLinejoin="round" {...rest} />;
    case 'circle':
      return <circle cx={mark.x} cy={mark.y} r={mark.r} fill={mark.fill} stroke={mark.stroke} {...rest} />;
    case 'image':
      return <image x={mark.x} y={mark.y} width={mark.width} height={mark.height} href={mark.canvas.toDataURL()} {...rest} />;
    case 'points':
      return null; // of files only: on the page WebGL draws them
    case 'text': {
      const size = mark.size ?? FONT_SIZE;
      return (
        <text x={mark.x} y={mark.y + BASELINE * size} fill={mark.fill} fontSize={size} fontWeight={mark.bold ? 600 : undefined} textAnchor={mark.anchor} transform={turnOf(mark)} {...rest}>
          {mark.text}
        </text>
      );
    }
  }
}
