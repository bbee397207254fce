/** Compensations of the study: the matrix as a table to edit, and what it does to a pair of channels, live. */

import { useCallback, useMemo, useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { createCompensation, deleteCompensation, patchCompensation, type Compensation } from '../../api/gating';
import { axisTicks } from '../../data/gating/ticks';
import { identity, inverted, compensated, matrixCsv, parseMatrixCsv } from '../../data/gating/spill';
import { place } from '../../data/gating/scales';
import { freshName } from '../../data/words';
import { paintDensity } from '../../render/gating/paint';
import { saveBlob } from '../../render/figure/save';
import { changeFile } from '../../state/gating/actions';
import { eventsQuery } from '../../state/gating/queries';
import { tell, tellError } from '../../state/notices';
import { useStore } from '../../state/store';
import { shownTheme } from '../../state/theme';
import { Button } from '../../views/controls';
import { PlotFrame } from '../../views/gating/PlotFrame';
import { Empty } from '../../views/states';
import { labelOf } from './choices';
import { useAxisEnds } from './useAxisEnds';
import type { GatingState } from './useGating';

const EVENTS = 20_000;
const SIDE = 130;
/** Beyond so many channels not all plots are shown: those of the row that is edited are. */
const MOST_PLOTS = 9;

export function CompensationView({ state }: { state: GatingState }) {
  const { compensations, file, study } = state;
  const [id, setId] = useState('');
  const chosen = compensations.find((c) => c.id === id) ?? compensations[0] ?? null;
  const fluorescent = (file?.panel ?? []).filter((c) => !/^(FSC|SSC|FS|SS|Time|Event|Width)/i.test(c.channel)).map((c) => c.channel);
  const taken = compensations.map((c) => c.name);
  const add = (name: string, channels: string[], matrix: number[]) => changeFile(study.id, () => createCompensation(study.id, { name, channels, matrix }).then((made) => setId(made.id)));
  const take = (files: FileList | null) => {
    const given = files?.[0];
    void given?.text().then((text) => {
      const { channels, matrix } = parseMatrixCsv(text);
      return add(freshName(given.name.replace(/\.\w+$/, ''), taken), channels, matrix);
    }).catch(tellError);
  };
  return (
    <>
      <div className="toolbar" role="toolbar" aria-label="Compensation">
        <select className="input small" aria-label="Compensation matrix" value={chosen?.id ?? ''} onChange={(e) => setId(e.target.value)}>
          {compensations.length === 0 && <option value="">no matrix yet</option>}
          {compensations.map((c) => <option key={c.id} value={c.id}>{c.name}</option>)}
        </select>
        <Button small icon="plus" disabled={!state.mayEdit || fluorescent.length < 2} onClick={() => void add(freshName('Compensation', taken), fluorescent, identity(fluorescent.length))}>New matrix</Button>
        <label className="button small" style={{ position: 'relative' }}>Take in CSV<input className="hidden-label" type="file" accept=".csv,.tsv,.txt" aria-label="Matrix as CSV" disabled={!state.mayEdit} onChange={(e) => { take(e.target.files); e.target.value = ''; }} /></label>
      </div>
      {chosen ? <Matrix key={`${chosen.id} ${chosen.version}`} state={state} record={chosen} /> : <Empty title="No matrix yet">Each file may be compensated with the matrix that it holds itself; choose that above the plots. A matrix of the study is made here, from nothing or from a CSV.</Empty>}
    </>
  );
}

function Matrix({ state, record }: { state: GatingState; record: Compensation }) {
  const n = record.channels.length;
  const [matrix, setMatrix] = useState(record.matrix);
  const [texts, setTexts] = useState<Record<number, string>>({});
  const [row, setRow] = useState(0);
  const changed = matrix.some((v, i) => v !== record.matrix[i]);
  const inverse = useMemo(() => inverted(matrix, n), [matrix, n]);
  const set = (at: number, text: string) => {
    setTexts({ ...texts, [at]: text });
    const value = Number(text);
    if (text.trim() && Number.isFinite(value)) setMatrix(matrix.map((v, i) => (i === at ? value / 100 : v)));
  };
  const save = () => changeFile(state.study.id, () => patchCompensation(record, { matrix }).then(() => tell(`‘${record.name}’ is saved`)));
  const label = (channel: string) => labelOf(state, `var:${channel}`);
  const others = record.channels.map((_, i) => i).filter((i) => i !== row).slice(0, MOST_PLOTS);
  return (
    <div className="compensation">
      <section className="panel" aria-label={`Matrix ${record.name}`}>
        <header>
          <h2>{record.name} <span className="muted small">per cent of the row’s dye seen in the column’s detector</span></h2>
          <Button small onClick={() => saveBlob(new Blob([matrixCsv(record.channels, matrix)], { type: 'text/csv' }), `${record.name}.csv`)}>CSV</Button>
          {state.mayEdit && <Button small icon="trash" look="danger" onClick={() => void changeFile(state.study.id, () => deleteCompensation(record))}>Delete</Button>}
          {changed && <Button small look="plain" onClick={() => { setMatrix(record.matrix); setTexts({}); }}>Back</Button>}
          {changed && <Button small look="primary" disabled={!inverse} onClick={() => void save()}>Save matrix</Button>}
        </header>
        <div className="matrix-room">
          <table className="matrix" aria-label="Spillover matrix">
            <thead><tr><th scope="col"><span className="hidden-label">Dye</span></th>{record.channels.map((c) => <th key={c} scope="col" title={c}>{label(c)}</th>)}</tr></thead>
            <tbody>
              {record.channels.map((from, i) => (
                <tr key={from} className={i === row ? 'current' : ''}>
                  <th scope="row" title={from}>{label(from)}</th>
                  {record.channels.map((to, j) => {
                    const at = i * n + j;
                    const share = Math.min(1, Math.abs(matrix[at]));
                    return (
                      <td key={to} style={{ background: i === j ? 'var(--hover)' : `color-mix(in srgb, var(--accent) ${Math.round(share * 60)}%, transparent)` }}>
                        <input aria-label={`${label(from)} in ${label(to)}, per cent`} disabled={!state.mayEdit} inputMode="decimal" value={texts[at] ?? String(Number((matrix[at] * 100).toPrecision(6)))} onFocus={() => setRow(i)} onChange={(e) => set(at, e.target.value)} />
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        {!inverse && <p className="warn-text small">This matrix cannot be inverted: two dyes look the same in it.</p>}
      </section>
      <section className="panel" aria-label="Plots of the row">
        <header><h2>{label(record.channels[row])} against the others, compensated as above</h2></header>
        <div className="plot-grid small">
          {inverse && others.map((j) => <PairPlot key={j} state={state} channels={record.channels} inverse={inverse} x={row} y={j} />)}
        </div>
      </section>
    </div>
  );
}

interface PairProps {
  state: GatingState;
  channels: string[];
  inverse: number[];
  x: number;
  y: number;
}

/** Events of the open file and population, compensated here with the matrix as it stands. */
function PairPlot({ state, channels, inverse, x, y }: PairProps) {
  const { file, population } = state;
  const onDark = useStore(shownTheme) === 'dark';
  const references = useMemo(() => channels.map((c) => `var:${c}`), [channels]);
  const query = useQuery({ ...eventsQuery(file ? state.sourceOf(file, population) : { dataset: '', table: '', version: 0, token: '' }, { axes: references, population: population?.id ?? null, compensation: 'none', n: EVENTS }), enabled: file !== null, retry: false });
  const ends = useAxisEnds(state, references[x], references[y]);
  const axes = useMemo(() => ({ ...ends, width: SIDE, height: SIDE }), [ends]);
  const [scaleX, scaleY] = [state.scaleFor(references[x]), state.scaleFor(references[y])];
  const palette = state.layout.palette;
  const paint = useCallback(
    (canvas: HTMLCanvasElement) => {
      const columns = references.map((r) => query.data?.axes.get(r) ?? new Float32Array(0));
      const cloud = { x: place(scaleX, compensated(columns, inverse, x)), y: place(scaleY, compensated(columns, inverse, y)) };
      paintDensity(canvas, cloud, axes, { dark: onDark, palette, ratio: window.devicePixelRatio || 1 });
    },
    [query.data, references, inverse, x, y, scaleX, scaleY, axes, onDark, palette],
  );
  const axis = (i: number, of: 'x' | 'y') => ({ label: labelOf(state, references[i]), side: '', ticks: axisTicks(of === 'x' ? scaleX : scaleY, axes[of][0], axes[of][1], 3), menu: null });
  return (
    <figure className="plot-card small" data-drawn={query.data?.length}>
      <PlotFrame axes={axes} x={axis(x, 'x')} y={axis(y, 'y')} paint={paint} busy={query.isFetching} />
      {query.error && <p className="small warn-text">{query.error.message}</p>}
    </figure>
  );
}
