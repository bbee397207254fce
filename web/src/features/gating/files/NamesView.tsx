/** Annotations and new names from the names that files have: looked at first, then done as one step. */

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { annotateByName, type NamedFile } from '../../../api/fileNames';
import { plural } from '../../../data/words';
import { changeFile } from '../../../state/gating/actions';
import { tell } from '../../../state/notices';
import { Button, Field } from '../../../views/controls';
import { ErrorNote } from '../../../views/states';
import type { GatingState } from '../useGating';

const PAUSE_MS = 250;

/** A value that rests: the last one once it has not changed for a moment. */
function useRested<T>(value: T): T {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return rested;
}

export function NamesView({ state }: { state: GatingState }) {
  const [pattern, setPattern] = useState('');
  const [rename, setRename] = useState('');
  const [within, setWithin] = useState('');
  const files = state.files.filter((f) => f.panel.length > 0);
  const chosen = files.filter((f) => f.name.toLowerCase().includes(within.trim().toLowerCase()));
  const ids = within.trim() ? chosen.map((f) => f.dataset.id) : [];
  const asked = useRested(JSON.stringify({ pattern, rename, ids }));
  const now = JSON.parse(asked) as { pattern: string; rename: string; ids: string[] };
  const query = useQuery({
    queryKey: ['names-preview', state.study.id, asked, state.files.map((f) => f.name).join('/')],
    queryFn: ({ signal }) => annotateByName(state.study.id, { pattern: now.pattern, rename: now.rename, dataset_ids: now.ids, preview: true }, signal),
    enabled: now.pattern.trim() !== '' && chosen.length > 0, placeholderData: keepPreviousData, retry: false,
  });
  const rows = pattern.trim() && chosen.length ? query.data : undefined;
  const matching = rows?.filter((r) => r.matches) ?? [];
  const bad = rows?.filter((r) => r.problem) ?? [];
  const isSettled = asked === JSON.stringify({ pattern, rename, ids }) && !query.isFetching && !query.error;
  const apply = () =>
    changeFile(state.study.id, async () => {
      await annotateByName(state.study.id, { pattern, rename, dataset_ids: ids, preview: false });
      tell(`${plural(matching.length, 'file')} annotated${rename ? ' and renamed' : ''}`);
      setRename('');
    });
  return (
    <section className="card names-view" aria-label="Names and annotations">
      <div className="stack tight" style={{ padding: '10px 12px' }}>
        <h2>Annotations from file names</h2>
        <div className="name-fields">
          <Field label="Pattern of the names" help="What stands for a word in braces becomes an annotation. A regular expression with groups (?P<name>…) works too.">
            <input className="input mono" value={pattern} spellCheck={false} placeholder="{plate}_{well}_{donor}.fcs" onChange={(e) => setPattern(e.target.value)} />
          </Field>
          <Field label="New name" help="Empty: the names stay. Words in braces are of the pattern, or annotations that a file has.">
            <input className="input mono" value={rename} spellCheck={false} placeholder="{donor} {well}" onChange={(e) => setRename(e.target.value)} />
          </Field>
          <Field label="Only files with" help={`${plural(chosen.length, 'file')} of ${files.length}.`}>
            <input className="input" type="search" value={within} placeholder="all files" onChange={(e) => setWithin(e.target.value)} />
          </Field>
        </div>
        <div className="row">
          <Button look="primary" small disabled={!state.mayEdit || !isSettled || !matching.length || bad.length > 0} onClick={() => void apply()}>{rename ? 'Annotate and rename' : 'Annotate'} {plural(matching.length, 'file')}</Button>
          {rows && <span className={bad.length ? 'small warn-text' : 'small muted'} role="status">{bad.length ? `${plural(bad.length, 'file')} cannot be done: ${bad[0].problem}` : `${matching.length} of ${rows.length} names match. It is one step to undo.`}</span>}
        </div>
        <ErrorNote error={pattern.trim() ? query.error : null} />
      </div>
      <Preview rows={rows ?? chosen.map((f) => ({ dataset_id: f.dataset.id, name: f.name, matches: true, annotations: [], new_name: '', problem: '' }))} />
    </section>
  );
}

function Preview({ rows }: { rows: NamedFile[] }) {
  const fields = [...new Set(rows.flatMap((r) => r.annotations.map((a) => a.name)))];
  return (
    <table className="table" aria-label="Preview">
      <thead><tr><th>File</th>{fields.map((f) => <th key={f}>{f}</th>)}<th>New name</th><th>Remark</th></tr></thead>
      <tbody>
        {rows.map((r) => (
          <tr key={r.dataset_id} className={r.matches ? '' : 'muted'}>
            <td className="name-cell">{r.name}</td>
            {fields.map((f) => {
              const value = r.annotations.find((a) => a.name === f)?.value;
              return <td key={f} className={typeof value === 'number' ? 'num' : ''}>{value == null ? '' : String(value)}</td>;
            })}
            <td className={r.new_name ? 'name-cell' : undefined}>{r.new_name}</td>
            <td className="small">{r.problem ? <span className="warn-text">{r.problem}</span> : r.matches ? '' : 'does not match, stays as it is'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
