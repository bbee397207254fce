/** One side of a comparison: groups of an annotation, samples, the cells selected in the plot, a gated population, or all others. */

import { useQuery } from '@tanstack/react-query';
import type { Sample, TableRecord } from '../../../api/types';
import { showCell } from '../../../data/cellsheet';
import { countCategories } from '../../../data/legend';
import { emptySide, type SideDraft } from '../../../data/selections';
import { cells, count } from '../../../data/words';
import { columnQuery } from '../../../state/queries';
import { Button, Segments } from '../../../views/controls';
import { groupings } from '../shared';

interface Props {
  label: string;
  side: SideDraft;
  onChange: (side: SideDraft) => void;
  datasetId: string;
  table: TableRecord;
  attributes: { id: string; name: string }[];
  samples: Sample[];
  populations: { id: string; label: string }[];
  /** Rows that are selected in the plot now. */
  selected: Uint32Array | null;
  /** Levels that the other side has taken. */
  taken: string[];
  mayBeRest: boolean;
}

export function SidePicker({ label, side, onChange, datasetId, table, attributes, samples, populations, selected, taken, mayBeRest }: Props) {
  const columns = groupings(table);
  const kinds = [
    { value: 'groups' as const, label: 'Groups' },
    { value: 'cells' as const, label: 'Selected cells' },
    ...(samples.length ? [{ value: 'samples' as const, label: 'Samples' }] : []),
    ...(populations.length ? [{ value: 'population' as const, label: 'Population' }] : []),
    ...(mayBeRest ? [{ value: 'rest' as const, label: 'All others' }] : []),
  ];
  const choose = (kind: SideDraft['kind']) =>
    onChange({ ...emptySide(kind, kind === 'groups' ? (columns[0]?.name ?? '') : kind === 'samples' ? 'sample' : ''), cells: kind === 'cells' && selected ? [...selected] : [] });
  const toggle = (level: string) => onChange({ ...side, levels: side.levels.includes(level) ? side.levels.filter((l) => l !== level) : [...side.levels, level] });
  return (
    <section className="side-picker" aria-label={label}>
      <h3>{label}</h3>
      <Segments label={`${label}: which cells`} value={side.kind} onChange={choose} options={kinds} />
      {side.kind === 'groups' && (
        <>
          <select className="input" aria-label={`${label}: annotation`} value={side.by} onChange={(e) => onChange(emptySide('groups', e.target.value))}>
            {columns.map((c) => <option key={c.id} value={c.name}>{c.name}</option>)}
          </select>
          <GroupLevels datasetId={datasetId} table={table} side={side} taken={taken} label={label} onToggle={toggle} />
        </>
      )}
      {side.kind === 'samples' && (
        <>
          <select className="input" aria-label={`${label}: attribute`} value={side.by} onChange={(e) => onChange(emptySide('samples', e.target.value))}>
            <option value="sample">sample</option>
            {attributes.map((a) => <option key={a.id} value={a.name}>{a.name}</option>)}
          </select>
          <Levels label={label} side={side} taken={taken} levels={sampleLevels(samples, attributes, side.by)} onToggle={toggle} />
        </>
      )}
      {side.kind === 'population' && (
        <select className="input" aria-label={`${label}: population`} value={side.by} onChange={(e) => onChange(emptySide('population', e.target.value))}>
          <option value="">Choose a gated population</option>
          {populations.map((p) => <option key={p.id} value={p.id}>{p.label}</option>)}
        </select>
      )}
      {side.kind === 'cells' && (
        <div className="row">
          <span className="grow">{side.cells.length ? cells(side.cells.length) : <span className="muted">No cells yet: draw a lasso in the view Cells, then press Compare there, or take them here.</span>}</span>
          <Button small disabled={!selected?.length} onClick={() => onChange({ ...side, cells: selected ? [...selected] : [] })}>
            {selected?.length ? `Take the ${cells(selected.length)} selected` : 'Take the selected cells'}
          </Button>
        </div>
      )}
      {side.kind === 'rest' && <p className="muted">All cells that are not in the first selection.</p>}
    </section>
  );
}

function sampleLevels(samples: Sample[], attributes: { id: string; name: string }[], by: string): { name: string; note: string }[] {
  const id = attributes.find((a) => a.name === by)?.id;
  const values = samples.map((s) => (by === 'sample' ? s.name : id ? showCell(s.values[id]) : '')).filter(Boolean);
  return [...new Set(values)].map((name) => ({ name, note: by === 'sample' ? '' : `${values.filter((v) => v === name).length} samples` }));
}

function GroupLevels(props: { datasetId: string; table: TableRecord; side: SideDraft; taken: string[]; label: string; onToggle: (level: string) => void }) {
  const { table, side } = props;
  const record = table.columns.find((c) => c.name === side.by);
  const query = useQuery({ ...columnQuery(props.datasetId, table.name, record ?? table.columns[0]), enabled: record !== undefined });
  const column = query.data?.kind === 'categorical' ? query.data : null;
  if (!column) return <span className="skeleton" />;
  const counts = countCategories(column, null).subarray(1);
  return <Levels {...props} levels={column.categories.map((name, i) => ({ name, note: count(counts[i]) }))} />;
}

interface LevelsProps {
  label: string;
  side: SideDraft;
  taken: string[];
  levels: { name: string; note: string }[];
  onToggle: (level: string) => void;
}

function Levels({ label, side, taken, levels, onToggle }: LevelsProps) {
  return (
    <div className="filter-list boxed" role="group" aria-label={`${label}: groups`}>
      {levels.map((level) => (
        <label key={level.name} className={taken.includes(level.name) ? 'muted' : ''}>
          <input type="checkbox" checked={side.levels.includes(level.name)} disabled={taken.includes(level.name)} onChange={() => onToggle(level.name)} />
          <span className="cut">{level.name || '(empty)'}</span>
          <span className="count">{taken.includes(level.name) ? 'in the other' : level.note}</span>
        </label>
      ))}
    </div>
  );
}
