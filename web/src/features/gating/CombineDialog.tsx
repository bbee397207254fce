/** A population from others and from annotations: all of them, any, none, or an odd number. */

import { useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import type { TreeJson } from '../../api/gating';
import type { ColumnRecord } from '../../api/types';
import type { Level } from '../../data/gating/properties';
import { freshName } from '../../data/words';
import { uniqueNames } from '../../data/gating/tree';
import { addPopulation } from '../../state/gating/actions';
import { columnQuery } from '../../state/queries';
import { Field } from '../../views/controls';
import { FormDialog } from '../../views/overlays';
import type { GatingState } from './useGating';

const WAYS = [
  { value: 'and', label: 'in all of them' },
  { value: 'or', label: 'in any of them' },
  { value: 'not', label: 'in none of them' },
  { value: 'xor', label: 'in an odd number of them' },
] as const;
type Way = (typeof WAYS)[number]['value'];

export function CombineDialog({ state, onClose }: { state: GatingState; onClose: () => void }) {
  const names = uniqueNames(state.populations);
  const [name, setName] = useState(freshName('Combination', state.populations.map((p) => p.name)));
  const [way, setWay] = useState<Way>('and');
  const [parent, setParent] = useState(state.population?.id ?? '');
  const [ticked, setTicked] = useState<string[]>([]);
  const [column, setColumn] = useState('');
  const [levels, setLevels] = useState<Level[]>([]);
  const all = state.file?.table.columns ?? [];
  const columns = all.filter((c) => c.kind === 'categorical');
  // what the cells themselves have of a name goes before what their file and sample have
  const properties = state.properties.filter((p) => !all.some((c) => c.name === p.name));
  const record = columns.find((c) => c.name === column);
  const property = properties.find((p) => p.name === column);
  const groups = [
    { label: state.file?.panel.length ? 'Of events' : 'Of cells', names: columns.map((c) => c.name) },
    { label: 'Of files', names: properties.filter((p) => p.of === 'files').map((p) => p.name) },
    { label: 'Of samples', names: properties.filter((p) => p.of === 'samples').map((p) => p.name) },
  ].filter((group) => group.names.length > 0);
  const flip = <T,>(list: T[], entry: T) => (list.includes(entry) ? list.filter((other) => other !== entry) : [...list, entry]);
  const tick = (level: Level) => setLevels(flip(levels, level));
  const above = state.populations.find((p) => p.id === parent);
  const parts: TreeJson[] = [
    ...ticked.map((id) => state.populations.find((p) => p.id === id)?.tree).filter((tree) => tree !== undefined),
    ...(column && levels.length ? [{ column, groups: levels }] : []),
  ];
  const combined = { [way]: parts } as unknown as TreeJson;
  const tree: TreeJson = above ? { and: [above.tree, combined] } : combined;
  return (
    <FormDialog title="Combine populations" verb="Add population" disabled={parts.length === 0} onClose={onClose} onSubmit={() => addPopulation(state.study.id, { name: name.trim(), tree, parent_id: parent || null })}>
      <Field label="Name"><input className="input" required value={name} onChange={(e) => setName(e.target.value)} /></Field>
      <Field label="Below" help="Its percent of the parent is counted of this population; only its events are taken.">
        <select className="input" value={parent} onChange={(e) => setParent(e.target.value)}>
          <option value="">{state.allName}</option>
          {state.populations.map((p) => <option key={p.id} value={p.id}>{names.get(p.id)}</option>)}
        </select>
      </Field>
      <Field label="Events that are">
        <select className="input" value={way} onChange={(e) => setWay(e.target.value as Way)}>
          {WAYS.map((w) => <option key={w.value} value={w.value}>{w.label}</option>)}
        </select>
      </Field>
      <div className="filter-list" role="group" aria-label="Populations to combine">
        {state.populations.map((p) => <label key={p.id}><input type="checkbox" checked={ticked.includes(p.id)} onChange={() => setTicked(flip(ticked, p.id))} /> {names.get(p.id)}</label>)}
      </div>
      {groups.length > 0 && (
        <Field label="And of an annotation">
          <select className="input" value={column} onChange={(e) => { setColumn(e.target.value); setLevels([]); }}>
            <option value="">none</option>
            {groups.map(({ label, names: listed }) => (
              <optgroup key={label} label={label}>{listed.map((each) => <option key={each} value={each}>{each}</option>)}</optgroup>
            ))}
          </select>
        </Field>
      )}
      {record && state.file && <LevelsOfCells dataset={state.file.dataset.id} table={state.file.table.name} column={record} ticked={levels} onTick={tick} />}
      {property && <Levels of={property.name} levels={property.levels} ticked={levels} onTick={tick} />}
    </FormDialog>
  );
}

interface LevelsProps {
  ticked: Level[];
  onTick: (level: Level) => void;
}

function LevelsOfCells({ dataset, table, column, ...rest }: LevelsProps & { dataset: string; table: string; column: ColumnRecord }) {
  const found = useQuery(columnQuery(dataset, table, column)).data;
  return found?.kind === 'categorical' ? <Levels of={column.name} levels={found.categories} {...rest} /> : null;
}

function Levels({ of, levels, ticked, onTick }: LevelsProps & { of: string; levels: Level[] }) {
  return (
    <div className="filter-list" role="group" aria-label={`Groups of ${of}`}>
      {levels.map((level) => <label key={String(level)}><input type="checkbox" checked={ticked.includes(level)} onChange={() => onTick(level)} /> {String(level)}</label>)}
    </div>
  );
}
