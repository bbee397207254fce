/** The panels and their files. */

import { useEffect, useMemo, useRef, useState } from 'react';
import { parseHex } from '../../../data/colors';
import type { CategoricalColumn } from '../../../data/columns';
import { literal, maskOf } from '../../../data/python';
import { flagCells } from '../../../data/shade';
import { count, embeddingTitle } from '../../../data/words';
import { drawMultiples } from '../../../render/figure/multiples';
import { pointsNote } from '../../../render/figure/points';
import type { Ink } from '../../../render/figure/scene';
import { attachGestures } from '../../../render/gestures';
import { Multiples } from '../../../render/multiples';
import { useStore } from '../../../state/store';
import { shownTheme } from '../../../state/theme';
import { Figure } from '../../../views/figure/Figure';
import { annotationActions } from '../annotations';
import { cellsCsv, legendOf, readCells } from '../cellsFigure';
import { ColorPanel } from '../ColorPanel';
import { placeLine } from '../place';
import type { ViewProps } from '../registry';
import { scopeText, type Scope } from '../scope';

export interface Panel {
  code: number;
  name: string;
  count: number;
}

const WIDEST = 260;

type Props = ViewProps & { column: CategoricalColumn; panels: Panel[]; scope: Scope };

export function SideFigure(props: Props) {
  const { study, dataset, table, state, column, panels, scope } = props;
  const [multiples, setMultiples] = useState<Multiples | null>(null);
  const onDark = useStore(shownTheme) === 'dark';
  const title = embeddingTitle(state.embeddingName ?? '');
  const draw = (ink: Ink) => {
    const { width, height } = multiples?.view ?? { width: WIDEST, height: WIDEST };
    const cells = multiples?.marks() ?? [];
    return drawMultiples(
      {
        panels: panels.map((p, i) => ({ name: p.name, count: count(p.count), marks: cells[i] })).filter((p) => p.marks),
        width,
        height,
        columns: columnsFor(panels.length),
        ...legendOf(state, onDark),
      },
      ink,
    );
  };
  return (
    <Figure
      title={`${title} by ${column.name}, coloured by ${state.coloring.title}`}
      lines={[placeLine(study, dataset, table, scopeText(scope)), ...(multiples?.isSampled ? ['an even sample of the cells is drawn'] : [])]}
      name={`${title} by ${column.name}`}
      label={`${panels.length} plots of ${title}`}
      draw={draw}
      names={[...panels.map((p) => p.name), ...(state.coloring.entries ?? []).map((e) => e.label)]}
      note={() => pointsNote(multiples?.isPicture ?? false)}
      csv={() => cellsCsv(dataset.id, table.name, state, { group: column, cells: scope.bits })}
      code={sideCode(props)}
      help={<p>Every panel shows the cells of one group in colour and all others in grey, at the same place: what changes between panels is where the cells of the group lie. Dragging and the wheel move all panels together.</p>}
    >
      <div className="multiples">
        <Panels {...props} onReady={setMultiples} />
        <div>
          <ColorPanel state={state} study={study} record={null} actions={annotationActions({ studyId: study.id, datasetId: dataset.id, table: table.name, nCells: table.n_cells })} />
        </div>
      </div>
    </Figure>
  );
}

const columnsFor = (n: number) => (n <= 3 ? n : n === 4 ? 2 : n <= 9 ? 3 : 4);

function Panels({ state, column, panels, scope, onReady }: Props & { onReady: (multiples: Multiples | null) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const [multiples, setMultiples] = useState<Multiples | null>(null);
  const onDark = useStore(shownTheme) === 'dark';
  const { x, y, n, coloring } = state;
  const flags = useMemo(() => flagCells(n, scope.bits, null), [n, scope.bits]);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const made = new Multiples();
    const within = (px: number, py: number): [number, number] => {
      const origin = element.getBoundingClientRect();
      for (const canvas of element.querySelectorAll('canvas')) {
        const rect = canvas.getBoundingClientRect();
        const [a, b] = [px + origin.left - rect.left, py + origin.top - rect.top];
        if (a >= 0 && b >= 0 && a <= rect.width && b <= rect.height) return [a, b];
      }
      return [made.view.width / 2, made.view.height / 2];
    };
    const detach = attachGestures(element, {
      tool: () => 'pan',
      pan: (dx, dy) => made.pan(dx, dy),
      zoom: (px, py, factor) => made.zoom(...within(px, py), factor),
      hover: () => undefined,
      leave: () => undefined,
      click: () => undefined,
      outline: () => undefined,
    });
    setMultiples(made);
    onReady(made);
    return () => {
      detach();
      made.destroy();
      setMultiples(null);
      onReady(null);
    };
  }, [onReady]);
  useEffect(() => {
    const canvases = [...(box.current?.querySelectorAll('canvas') ?? [])];
    if (!multiples || !canvases.length) return;
    const watch = new ResizeObserver(([entry]) => multiples.resize(entry.contentRect.width, entry.contentRect.height));
    watch.observe(canvases[0]);
    multiples.setCanvases(canvases);
    return () => watch.disconnect();
  }, [multiples, panels]);
  useEffect(() => {
    if (x && y) multiples?.setPositions(x, y);
  }, [multiples, x, y]);
  useEffect(() => {
    if (coloring.shading.shades.length === x?.length) multiples?.setShading(coloring.shading, parseHex(onDark ? '#4a5158' : '#c9ced3'));
  }, [multiples, coloring.shading, x, onDark]);
  useEffect(() => {
    const place = new Int32Array(column.categories.length).fill(-1);
    panels.forEach((panel, i) => (place[panel.code] = i));
    multiples?.setPanels(Int32Array.from(column.codes, (code) => (code < 0 ? -1 : place[code])), panels.length, flags);
  }, [multiples, column, panels, flags]);
  const keys = (event: React.KeyboardEvent) => {
    const step = ({ ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] } as Record<string, [number, number]>)[event.key];
    if (step) multiples?.pan(...step);
    else if (event.key === '+' || event.key === '-') multiples?.zoom(multiples.view.width / 2, multiples.view.height / 2, event.key === '+' ? 1.4 : 1 / 1.4);
    else if (event.key === 'f') multiples?.fit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div ref={box} className="panels" tabIndex={0} role="group" aria-label="Panels; arrows move them, plus and minus zoom, f fits" onKeyDown={keys} style={{ gridTemplateColumns: `repeat(${columnsFor(panels.length)}, minmax(0, ${WIDEST + 100}px))` }}>
      {panels.map((panel) => (
        <figure key={panel.code} aria-label={`${panel.name}, ${count(panel.count)} cells`}>
          <figcaption><span className="cut">{panel.name}</span><span className="count">{count(panel.count)}</span></figcaption>
          <canvas role="img" aria-label={`Cells of ${panel.name}`} style={{ aspectRatio: '1' }} />
        </figure>
      ))}
    </div>
  );
}

function sideCode({ dataset, table, state, column, scope }: Props): string {
  const { selection } = scope.asked;
  const chosen = selection && maskOf(selection);
  return [
    ...(chosen ? ['import pandas as pd'] : []),
    ...readCells(dataset, table, state, [column.name, ...(chosen?.columns ?? [])]),
    ...(chosen ? [`shown = (${chosen.mask}).to_numpy()`, 'points, codes, obs = points[shown], codes[shown], obs[shown]'] : []),
    `groups = obs[${literal(column.name)}].cat.categories`,
    'figure, axes = plt.subplots(1, len(groups), sharex=True, sharey=True, squeeze=False)',
    'for axis, group in zip(axes[0], groups):',
    `    inside = (obs[${literal(column.name)}] == group).to_numpy()`,
    '    axis.scatter(*points[~inside].T, s=1, c="lightgrey")',
    '    axis.scatter(*points[inside].T, s=2, c=codes[inside], vmin=codes.min(), vmax=codes.max())',
    '    axis.set_title(group)',
    '',
  ].join('\n');
}
