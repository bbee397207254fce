/** A long table: only the rows in sight are drawn; sorted by its heads, read and walked by keys. */

import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';

export interface TableColumn {
  key: string;
  title: string;
  /** What stands above the title, such as the statistic above the channel. */
  over?: string;
  /** What the numbers are, with their unit. */
  help?: string;
  num?: boolean;
  width?: number;
  /** Stays in sight when the table is moved sideways; needs a width, and stands before all that do not. */
  stays?: boolean;
  cell: (row: number) => ReactNode;
}

export interface Sorting {
  key: string;
  descending: boolean;
}

interface Props {
  label: string;
  columns: TableColumn[];
  /** Rows in the order in which they are shown. */
  rows: ArrayLike<number>;
  sorting: Sorting;
  onSort: (sorting: Sorting) => void;
  current: number | null;
  onPick: (row: number) => void;
  empty: string;
}

const ROW = 30;
const [HEAD, TALL_HEAD] = [32, 44];
const BEYOND = 8;

export function DataTable({ label, columns, rows, sorting, onSort, current, onPick, empty }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(400);
  const [at, setAt] = useState(0);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const head = columns.some((c) => c.over) ? TALL_HEAD : HEAD;
  const first = Math.max(0, Math.floor(top / ROW) - BEYOND);
  const last = Math.min(rows.length, Math.ceil((top + height) / ROW) + BEYOND);
  const shown = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
  const focus = Math.min(at, Math.max(0, rows.length - 1));
  const move = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor((height - head) / ROW) - 1);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -rows.length, End: rows.length }[event.key];
    if (event.key === 'Enter' && rows.length) return onPick(rows[focus]);
    if (step === undefined || rows.length === 0) return;
    event.preventDefault();
    event.stopPropagation();
    const next = Math.max(0, Math.min(rows.length - 1, focus + step));
    setAt(next);
    const element = box.current;
    if (!element) return;
    if (next * ROW < element.scrollTop) element.scrollTop = next * ROW;
    else if ((next + 1) * ROW + head > element.scrollTop + height) element.scrollTop = (next + 1) * ROW + head - height;
  };
  const leftOf = (column: TableColumn) => (column.stays ? { left: columns.slice(0, columns.indexOf(column)).reduce((sum, c) => sum + (c.width ?? 0), 0) } : undefined);
  const ariaSort = (key: string) => (sorting.key !== key ? undefined : sorting.descending ? 'descending' : 'ascending');
  return (
    <div className="data-table" ref={box} tabIndex={0} role="group" aria-label={`${label}: arrows move, Enter takes`} onScroll={(e) => setTop(e.currentTarget.scrollTop)} onKeyDown={move}>
      <table className={head === TALL_HEAD ? 'tall' : undefined} aria-label={label} aria-rowcount={rows.length + 1}>
        <colgroup>{columns.map((c) => <col key={c.key} style={{ width: c.width }} />)}</colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((c) => (
              <th key={c.key} className={[c.num && 'num', c.stays && 'stays'].filter(Boolean).join(' ')} style={leftOf(c)} aria-sort={ariaSort(c.key)} scope="col">
                <button type="button" title={c.help} onClick={() => onSort({ key: c.key, descending: sorting.key === c.key ? !sorting.descending : Boolean(c.num) })}>
                  {c.over && <span className="over">{c.over} </span>}
                  {c.title}
                  <span aria-hidden="true">{sorting.key === c.key ? (sorting.descending ? ' ↓' : ' ↑') : ''}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {first > 0 && <tr aria-hidden="true" style={{ height: first * ROW }}><td colSpan={columns.length} /></tr>}
          {shown.map((place) => {
            const row = rows[place];
            const look = [row === current && 'current', place === focus && 'focus'].filter(Boolean).join(' ');
            return (
              <tr key={row} aria-rowindex={place + 2} aria-current={row === current ? 'true' : undefined} className={look} onClick={() => { setAt(place); onPick(row); }}>
                {columns.map((c) => <td key={c.key} className={[c.num ? 'num' : 'cut', c.stays && 'stays'].filter(Boolean).join(' ')} style={leftOf(c)}>{c.cell(row)}</td>)}
              </tr>
            );
          })}
          {last < rows.length && <tr aria-hidden="true" style={{ height: (rows.length - last) * ROW }}><td colSpan={columns.length} /></tr>}
        </tbody>
      </table>
      {rows.length === 0 && <p className="muted data-table-empty">{empty}</p>}
    </div>
  );
}
