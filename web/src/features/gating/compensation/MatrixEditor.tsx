/** A compensation of the study: its numbers to edit, and what they do to every pair of channels, live. */

import { useMemo, useState } from 'react';
import { deleteCompensation, patchCompensation, type Compensation } from '../../../api/gating';
import { inverted, matrixCsv, mostSpilling } from '../../../data/gating/spill';
import { fileName, saveBlob } from '../../../render/figure/save';
import { changeFile } from '../../../state/gating/actions';
import { tell } from '../../../state/notices';
import { useViewState } from '../../../state/viewState';
import { Button, Segments } from '../../../views/controls';
import { labelOf, TickMenu } from '../choices';
import type { GatingState } from '../useGating';
import { MatrixTable } from './MatrixTable';
import { PairGrid } from './PairGrid';
import { UseMenu } from './UseMenu';

const SIDES = [{ value: '64', label: 'S' }, { value: '96', label: 'M' }, { value: '150', label: 'L' }];
/** From so many channels on it is chosen which ones have plots. */
const FEW = 6;
/** So many have plots where nothing is chosen: those that spill most. */
const MOST_PLOTTED = 16;
type Side = '64' | '96' | '150';
const INITIAL = { side: '96', of: 'file', isChosen: false, channels: [] as string[] };


export function MatrixEditor({ state, record, onFromControls }: { state: GatingState; record: Compensation; onFromControls: () => void }) {
  const n = record.channels.length;
  /** Numbers that differ from the kept ones, cell by cell. */
  const [edits, setEdits] = useState<ReadonlyMap<number, number>>(new Map());
  const [name, setName] = useState<string | null>(null);
  const [at, setAt] = useState<[number, number]>([0, Math.min(1, n - 1)]);
  const [view, change] = useViewState('matrix', INITIAL);
  const matrix = useMemo(() => record.matrix.map((v, i) => edits.get(i) ?? v), [record.matrix, edits]);
  const inverse = useMemo(() => inverted(matrix, n), [matrix, n]);
  const names = record.channels.map((channel) => labelOf(state, `var:${channel}`));
  const made = record.made_by?.controls ?? [];
  const files = record.channels.map((channel) => {
    const control = view.of === 'controls' ? made.find((c) => c.channel === channel) : undefined;
    return state.files.find((f) => f.dataset.id === control?.dataset_id) ?? state.file;
  });
  const missing = record.channels.filter((channel) => !state.file?.panel.some((c) => c.channel === channel));
  // a number that is edited has its plot, whichever channels are chosen
  const ticked = record.channels.flatMap((channel, i) => (view.channels.includes(channel) ? [i] : []));
  const chosen = view.isChosen ? ticked : mostSpilling(record.matrix, n, MOST_PLOTTED);
  const shown = [...new Set([...chosen, ...at])].sort((a, b) => a - b);
  const edit = (cells: Map<number, number>) => setEdits((now) => new Map([...now, ...cells].filter(([cell, value]) => value !== record.matrix[cell])));
  const save = () => changeFile(state.study.id, () => patchCompensation(record, { matrix }).then(() => { setEdits(new Map()); tell(`‘${record.name}’ is saved`); }));
  const rename = () => {
    if (name?.trim() && name.trim() !== record.name) void changeFile(state.study.id, () => patchCompensation(record, { name: name.trim() }));
    setName(null);
  };
  return (
    <div className="compensation">
      <section className="panel" aria-label={`Matrix ${record.name}`}>
        <header className="wrap">
          <h2 className="cut">
            {name === null ? record.name : <input className="input small" autoFocus aria-label="Name of the matrix" value={name} onChange={(e) => setName(e.target.value)} onBlur={rename} onKeyDown={(e) => { if (e.key === 'Enter') rename(); if (e.key === 'Escape') setName(null); }} />}
          </h2>
          {edits.size > 0 && <Button small look="plain" onClick={() => setEdits(new Map())}>Back</Button>}
          {edits.size > 0 && <Button small look="primary" disabled={!inverse} onClick={() => void save()}>Save matrix</Button>}
          <UseMenu state={state} record={record} />
          {made.length > 0 && <Button small onClick={onFromControls}>Controls and spread</Button>}
          <Button small icon="download" onClick={() => saveBlob(new Blob([matrixCsv(record.channels, matrix)], { type: 'text/csv' }), `${fileName(record.name)}.csv`)}>CSV</Button>
          {state.mayEdit && <Button small onClick={() => setName(record.name)}>Rename</Button>}
          {state.mayEdit && <Button small icon="trash" look="danger" onClick={() => void changeFile(state.study.id, () => deleteCompensation(record).then(() => tell(`‘${record.name}’ is gone`)))}>Delete</Button>}
        </header>
        <p className="small muted">Per cent of the row’s dye that is seen in the column’s detector. Arrows move, Alt with arrows up and down changes a number by 0.1, with Shift by 1; a block of a spreadsheet can be pasted.</p>
        <MatrixTable label="Spillover matrix" names={names} values={matrix} times={100} unit="per cent" onChange={state.mayEdit ? edit : undefined} at={at} onAt={(i, j) => setAt([i, j])} />
        {!inverse && <p className="warn-text small" role="alert">This matrix cannot be inverted: two dyes look the same in it.</p>}
      </section>
      <section className="panel" aria-label="Plots of all pairs">
        <header className="wrap">
          <h2>Compensated as above <span className="muted small">up the row’s dye, across the column’s detector; drag a plot up or down to change its number</span></h2>
          {made.length > 0 && <Segments label="Events of" value={view.of} options={[{ value: 'file', label: 'The open file' }, { value: 'controls', label: 'Each dye’s control' }]} onChange={(of) => change({ of })} />}
          {n > FEW && <TickMenu right label="Channels" all={record.channels.map((channel, i) => ({ id: channel, label: names[i] }))} ticked={chosen.map((i) => record.channels[i])} onChange={(channels) => change({ channels, isChosen: true })} />}
          <Segments label="Size of the plots" value={view.side as Side} options={SIDES as { value: Side; label: string }[]} onChange={(side) => change({ side })} />
        </header>
        {missing.length > 0 && view.of !== 'controls' ? (
          <p className="muted">{state.file?.name} has no channel {missing.slice(0, 3).join(', ')}{missing.length > 3 ? ' and others' : ''}. Open a file of this matrix to see its plots.</p>
        ) : (
          inverse && <PairGrid state={state} channels={record.channels} names={names} matrix={matrix} inverse={inverse} files={files} shown={shown} side={Number(view.side)} at={at} onAt={(i, j) => setAt([i, j])} onNumber={state.mayEdit ? (i, j, value) => edit(new Map([[i * n + j, value]])) : undefined} />
        )}
      </section>
    </div>
  );
}
