/** Tables of statistics that are kept in the study: save, download, show again, delete. */

import { useState } from 'react';
import { attachmentUrl, deleteAttachment } from '../../../api/attachments';
import { saveTable, type SavedTable, type StatisticsQuery } from '../../../api/gating';
import { ago } from '../../../data/words';
import { savedTablesKey, useSavedTables } from '../../../state/gating/queries';
import { tell, tellError } from '../../../state/notices';
import { keys, refresh } from '../../../state/queries';
import { Button } from '../../../views/controls';
import { Loaded } from '../../../views/states';
import type { GatingState } from '../useGating';

/** The same numbers as files. */
export const FILES = [
  { layout: 'medium', format: 'csv', title: 'CSV' },
  { layout: 'medium', format: 'xlsx', title: 'Excel (xlsx)' },
  { layout: 'medium', format: 'parquet', title: 'Parquet' },
  { layout: 'tall', format: 'csv', title: 'CSV, one row for each value' },
  { layout: 'wide', format: 'xlsx', title: 'Excel, one row for each file' },
  { layout: 'prism', format: 'csv', title: 'CSV for Prism' },
];

const formatOf = ({ layout = 'medium', format }: SavedTable['statistics']) => FILES.find((f) => f.layout === layout && f.format === format)?.title ?? format;

interface Props {
  state: GatingState;
  asked: StatisticsQuery;
  /** Whether there is a table to save. */
  isReady: boolean;
  onShow: (table: SavedTable) => void;
}

export function SavedTables({ state, asked, isReady, onShow }: Props) {
  const { study } = state;
  const query = useSavedTables(study.id);
  const [name, setName] = useState('');
  const [as, setAs] = useState(0);
  const [busy, setBusy] = useState(false);
  const maySave = study.permissions.includes('file.upload');
  const mayDelete = study.permissions.includes('study.edit');
  const again = () => refresh(savedTablesKey(study.id), ['attachments', study.id], keys.revisions(study.id));
  const save = async () => {
    setBusy(true);
    try {
      const made = await saveTable(study.id, name.trim(), asked, FILES[as].layout, FILES[as].format);
      tell(`‘${made.name}’ is saved`);
      setName('');
      await again();
    } catch (failure) {
      tellError(failure);
    }
    setBusy(false);
  };
  const remove = (table: SavedTable) => deleteAttachment(table).then(() => { tell(`‘${table.name}’ is gone`); return again(); }).catch(tellError);
  return (
    <section className="stack tight" aria-label="Saved tables">
      {maySave && (
        <form className="row wrap" onSubmit={(e) => { e.preventDefault(); void save(); }}>
          <input className="input small" style={{ width: 240 }} aria-label="Name of the table" placeholder="Name of the table" maxLength={200} value={name} onChange={(e) => setName(e.target.value)} />
          <select className="input small" style={{ width: 'auto' }} aria-label="Format of the table" value={as} onChange={(e) => setAs(Number(e.target.value))}>
            {FILES.map((f, i) => <option key={f.title} value={i}>{f.title}</option>)}
          </select>
          <Button small type="submit" look="primary" disabled={busy || !isReady || !name.trim()}>Save in the study</Button>
        </form>
      )}
      <Loaded query={query} rows={2}>
        {(list) => list.length === 0 ? <p className="small muted">A table that is saved keeps its numbers as they are now, whatever becomes of gates and files.</p> : (
          <table className="table" aria-label="Saved tables">
            <thead><tr><th>Name</th><th>Format</th><th>Saved</th><th><span className="hidden-label">Actions</span></th></tr></thead>
            <tbody>
              {list.map((table) => (
                <tr key={table.id}>
                  <td className="cut"><a href={attachmentUrl(table)} download={table.name}>{table.name}</a></td>
                  <td>{formatOf(table.statistics)}</td>
                  <td className="small muted" title={new Date(table.created_at).toLocaleString()}>{ago(table.created_at)}</td>
                  <td className="num">
                    <Button small look="plain" aria-label={`Show again ${table.name}`} onClick={() => onShow(table)}>Show again</Button>
                    {mayDelete && <Button small look="plain" icon="trash" label={`Delete ${table.name}`} onClick={() => void remove(table)} />}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Loaded>
    </section>
  );
}
