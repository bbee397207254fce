/** Rename, merge and recolour the categories of an annotation. */

import { useState } from 'react';
import type { ColumnRecord } from '../../api/types';
import { recolored, type LegendEntry } from '../../data/legend';
import { count } from '../../data/words';
import { Button } from '../../views/controls';
import type { AnnotationActions } from './annotations';

interface Props {
  record: ColumnRecord;
  entries: LegendEntry[];
  actions: AnnotationActions;
  onGone: () => void;
}

export function AnnotationEditor({ record, entries, actions, onGone }: Props) {
  const [ticked, setTicked] = useState<string[]>([]);
  const [into, setInto] = useState('');
  const real = entries.filter((e) => e.code >= 0);
  const chosen = real.filter((e) => ticked.includes(e.name));
  const merge = () => {
    const name = into.trim() || chosen[0].name;
    void actions.patch(record, { merge: { [name]: chosen.map((e) => e.name) } }, `${chosen.length} categories are now ‘${name}’`);
    setTicked([]);
    setInto('');
  };
  return (
    <div className="stack tight">
      <Rename label="Name of the annotation" value={record.name} onSave={(name) => void actions.patch(record, { name }, `The annotation is now ‘${name}’`)} />
      <ul className="legend">
        {real.map((entry) => (
          <li key={entry.name} style={{ gap: 6, padding: '2px 6px' }}>
            <input
              type="checkbox"
              aria-label={`Choose ${entry.label} for merging`}
              checked={ticked.includes(entry.name)}
              onChange={() => setTicked(ticked.includes(entry.name) ? ticked.filter((n) => n !== entry.name) : [...ticked, entry.name])}
            />
            <input
              type="color"
              aria-label={`Colour of ${entry.label}`}
              key={entry.color}
              defaultValue={entry.color}
              onBlur={(e) => e.target.value !== entry.color && void actions.patch(record, { colors: recolored(real, entry.name, e.target.value) }, 'Colour changed')}
            />
            <Rename label={`Name of the category ${entry.label}`} value={entry.name} onSave={(name) => void actions.patch(record, { rename: { [entry.name]: name } }, `‘${entry.label}’ is now ‘${name}’`)} />
            <span className="small muted num" style={{ minWidth: 48 }}>{count(entry.count)}</span>
          </li>
        ))}
      </ul>
      {chosen.length > 1 ? (
        <div className="row">
          <input className="input small" aria-label="Name of the merged category" placeholder={chosen[0].label} value={into} onChange={(e) => setInto(e.target.value)} />
          <Button small look="primary" onClick={merge}>Merge {chosen.length}</Button>
        </div>
      ) : (
        <p className="small muted">Tick two or more categories to merge them.</p>
      )}
      <div className="row">
        <span className="grow" />
        <Button small look="danger" icon="trash" onClick={() => void actions.remove(record).then(onGone)}>Delete annotation</Button>
      </div>
    </div>
  );
}

/** A name edited in place: Enter or leaving saves, Escape takes back. */
function Rename({ label, value, onSave }: { label: string; value: string; onSave: (name: string) => void }) {
  return (
    <input
      className="input small grow"
      aria-label={label}
      key={value}
      defaultValue={value}
      onBlur={(event) => {
        const name = event.target.value.trim();
        if (name && name !== value) onSave(name);
        else event.target.value = value;
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur();
        if (event.key === 'Escape') {
          event.currentTarget.value = value;
          event.currentTarget.blur();
        }
      }}
    />
  );
}
