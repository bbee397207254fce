/** A matrix as a table: typed, pasted, moved about in by keys. */

import { memo, useEffect, useRef, useState, type ClipboardEvent, type KeyboardEvent } from 'react';
import { matrixNumber, pasteInto } from '../../../data/gating/spill';

interface Props {
  label: string;
  names: string[];
  /** Row by row; NaN = unknown. */
  values: number[];
  /** What stands in the table for 1. */
  times: number;
  unit: string;
  /** Left out where the table is only to be read. */
  onChange?: (cells: Map<number, number>) => void;
  at?: [number, number];
  onAt?: (row: number, column: number) => void;
}

/** Of these per cent a nudge by a key changes a number. */
const NUDGE = 0.001;
const BIG_NUDGE = 0.01;

export function MatrixTable({ label, names, values, times, unit, onChange, at, onAt }: Props) {
  const n = names.length;
  const table = useRef<HTMLTableElement>(null);
  const [typed, setTyped] = useState<Typed | null>(null);
  const most = Math.max(1e-9, ...values.map((v, i) => (i % (n + 1) === 0 || !Number.isFinite(v) ? 0 : Math.abs(v))));
  const go = (i: number, j: number) => {
    if (i < 0 || j < 0 || i >= n || j >= n) return;
    const input = table.current?.querySelector<HTMLInputElement>(`input[data-cell="${i * n + j}"]`);
    input?.focus();
    input?.select();
  };
  const onKey = (event: KeyboardEvent<HTMLInputElement>, i: number, j: number) => {
    const input = event.currentTarget;
    const up = event.key === 'ArrowUp';
    if (event.altKey && (up || event.key === 'ArrowDown')) {
      onChange?.(new Map([[i * n + j, values[i * n + j] + (up ? 1 : -1) * (event.shiftKey ? BIG_NUDGE : NUDGE)]]));
      setTyped(null);
    } else if (up) go(i - 1, j);
    else if (event.key === 'ArrowDown' || event.key === 'Enter') go(i + 1, j);
    else if (event.key === 'ArrowLeft' && input.selectionStart === 0) go(i, j - 1);
    else if (event.key === 'ArrowRight' && input.selectionEnd === input.value.length) go(i, j + 1);
    else return;
    event.preventDefault();
  };
  const onPaste = (event: ClipboardEvent, cell: number) => {
    const text = event.clipboardData.getData('text/plain');
    if (!/[\t\n;]/.test(text.trim())) return;
    event.preventDefault();
    setTyped(null);
    onChange?.(pasteInto(n, cell, text));
  };
  const onType = (cell: number, text: string) => {
    setTyped({ cell, text });
    const value = Number(text);
    if (text.trim() && Number.isFinite(value)) onChange?.(new Map([[cell, value / times]]));
  };
  // rows stay as they are drawn, and call what is newest
  const newest = useRef<Handlers>({ onKey, onPaste, onType, onAt, onLeave: () => setTyped(null) });
  useEffect(() => {
    newest.current = { onKey, onPaste, onType, onAt, onLeave: () => setTyped(null) };
  });
  return (
    <div className="matrix-room" tabIndex={onChange ? undefined : 0} role="group" aria-label={`${label}, scrolled`}>
      <table className="matrix" aria-label={label} ref={table}>
        <thead><tr><th scope="col"><span className="hidden-label">Dye</span></th>{names.map((name, j) => <th key={j} scope="col" className={at?.[1] === j ? 'current' : ''}>{name}</th>)}</tr></thead>
        <tbody>
          {names.map((_, i) => (
            <Row key={i} i={i} namesKey={names.join('\n')} names={names} values={values} most={most} times={times} unit={unit} isEdited={onChange !== undefined} current={at?.[0] === i ? at[1] : -1} typed={typed && Math.floor(typed.cell / n) === i ? typed : null} newest={newest} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface Typed {
  cell: number;
  text: string;
}

interface Handlers {
  onKey: (event: KeyboardEvent<HTMLInputElement>, i: number, j: number) => void;
  onPaste: (event: ClipboardEvent, cell: number) => void;
  onType: (cell: number, text: string) => void;
  onAt?: (row: number, column: number) => void;
  onLeave: () => void;
}

interface RowProps {
  i: number;
  names: string[];
  namesKey: string;
  /** Of the whole matrix. */
  values: number[];
  most: number;
  times: number;
  unit: string;
  isEdited: boolean;
  /** The column of the current cell, -1 = it is in another row. */
  current: number;
  typed: Typed | null;
  newest: { current: Handlers };
}

const SAME: (keyof RowProps)[] = ['i', 'namesKey', 'most', 'times', 'unit', 'isEdited', 'current', 'typed', 'newest'];
const isSameRow = (a: number[], b: number[], i: number, n: number) => {
  for (let k = i * n; k < i * n + n; k++) if (a[k] !== b[k]) return false;
  return true;
};

/** A row is drawn anew only where something in it is another: matrices of 50 channels are typed into as well. */
const Row = memo(PlainRow, (a, b) => SAME.every((name) => a[name] === b[name]) && isSameRow(a.values, b.values, a.i, a.names.length));

function PlainRow({ i, names, values, most, times, unit, isEdited, current, typed, newest }: RowProps) {
  const n = names.length;
  const shown = (cell: number) => (Number.isFinite(values[cell]) ? matrixNumber(Math.abs(values[cell]) < most * 1e-9 ? 0 : values[cell] * times) : '');
  return (
    <tr>
      <th scope="row" className={current >= 0 ? 'current' : ''}>{names[i]}</th>
      {names.map((to, j) => {
        const cell = i * n + j;
        const share = i === j || !Number.isFinite(values[cell]) ? 0 : Math.min(1, Math.abs(values[cell]) / most);
        const background = i === j ? 'var(--hover)' : `color-mix(in srgb, var(--${values[cell] < 0 ? 'danger' : 'accent'}) ${Math.round(share * 42)}%, transparent)`;
        return (
          <td key={j} className={current === j ? 'current' : ''} style={{ background }}>
            {isEdited ? (
              <input
                data-cell={cell} aria-label={`${names[i]} in ${to}, ${unit}`} inputMode="decimal" autoComplete="off" size={4}
                value={typed?.cell === cell ? typed.text : shown(cell)} onFocus={(e) => { newest.current.onAt?.(i, j); e.target.select(); }} onBlur={() => newest.current.onLeave()}
                onChange={(e) => newest.current.onType(cell, e.target.value)} onKeyDown={(e) => newest.current.onKey(e, i, j)} onPaste={(e) => newest.current.onPaste(e, cell)}
              />
            ) : (
              <span className="cell">{shown(cell) || '–'}</span>
            )}
          </td>
        );
      })}
    </tr>
  );
}
