/** The samples of a study with their attributes: edited in place, pasted, up- and downloaded. */

import { useRef, useState, type ClipboardEvent } from 'react';
import { apiUrl } from '../../api/http';
import { createSample, deleteSample, patchSample, putSamplesCsv } from '../../api/routes';
import type { Attribute, Sample, SampleTable as Table, Study, Value } from '../../api/types';
import { parseCell, parseTabs, showCell } from '../../data/cellsheet';
import { freshName } from '../../data/words';
import { tell, tellError } from '../../state/notices';
import { keys, refresh, useSamples } from '../../state/queries';
import { sendInTurn } from '../../state/turns';
import { Button } from '../../views/controls';
import { Empty, Loaded } from '../../views/states';
import { AttributeHead, NewAttribute, PasteDialog } from './attributes';
import { tellReport } from './report';

export function SampleTable({ study }: { study: Study }) {
  const query = useSamples(study.id);
  return <Loaded query={query}>{(table) => <Sheet study={study} table={table} />}</Loaded>;
}

function Sheet({ study, table }: { study: Study; table: Table }) {
  const [addingAttribute, setAddingAttribute] = useState(false);
  const [pasting, setPasting] = useState<string | null>(null);
  const file = useRef<HTMLInputElement>(null);
  const mayEdit = study.permissions.includes('study.edit');
  const again = () => refresh(keys.samples(study.id));
  const addSample = () =>
    void createSample(study.id, freshName('Sample', table.samples.map((s) => s.name))).then(again, tellError);
  const upload = (csv: File) =>
    void csv
      .text()
      .then((text) => putSamplesCsv(study.id, text))
      .then((report) => {
        tellReport(report);
        return again();
      }, tellError);
  /** More than one cell in the clipboard is a table; one cell goes where the cursor stands. */
  const onPaste = (event: ClipboardEvent) => {
    const text = event.clipboardData.getData('text/plain');
    const rows = parseTabs(text);
    if (!mayEdit || (rows.length < 2 && (rows[0]?.length ?? 0) < 2)) return;
    event.preventDefault();
    setPasting(text);
  };
  const actions = (
    <div className="row wrap">
      <Button icon="plus" disabled={!mayEdit} onClick={addSample}>Add sample</Button>
      <Button icon="plus" disabled={!mayEdit} onClick={() => setAddingAttribute(true)}>Add attribute</Button>
      <Button disabled={!mayEdit} onClick={() => setPasting('')}>Paste from a spreadsheet</Button>
      <span className="grow" />
      <Button icon="upload" disabled={!mayEdit} onClick={() => file.current?.click()}>Upload CSV</Button>
      <a className="button" href={apiUrl(`studies/${study.id}/samples.csv`)} download>Download CSV</a>
      <input ref={file} type="file" accept=".csv,text/csv" hidden aria-label="CSV file of samples" onChange={(e) => { if (e.target.files?.[0]) upload(e.target.files[0]); e.target.value = ''; }} />
    </div>
  );
  return (
    <div className="stack">
      {actions}
      <div className="card sheet" onPaste={onPaste}>
        {table.samples.length === 0 ? (
          <Empty title="No samples yet" action={mayEdit && <Button look="primary" icon="plus" onClick={addSample}>Add sample</Button>}>
            A sample is one specimen. Add one, or paste the table that you keep in a spreadsheet: first column the sample’s name, then
            one column for each attribute, such as patient, tissue or dose.
          </Empty>
        ) : (
          <table className="table">
            <thead>
              <tr>
                <th>Sample</th>
                {table.attributes.map((attribute) => (
                  <AttributeHead key={attribute.id} attribute={attribute} mayEdit={mayEdit} onChanged={again} />
                ))}
                <th><span className="hidden-label">Actions</span></th>
              </tr>
            </thead>
            <tbody>
              {table.samples.map((sample) => (
                <Row key={sample.id} sample={sample} attributes={table.attributes} mayEdit={mayEdit} onChanged={again} />
              ))}
            </tbody>
          </table>
        )}
      </div>
      {addingAttribute && <NewAttribute studyId={study.id} onClose={() => setAddingAttribute(false)} onMade={again} />}
      {pasting !== null && <PasteDialog studyId={study.id} initial={pasting} onClose={() => setPasting(null)} onDone={again} />}
    </div>
  );
}

interface RowProps {
  sample: Sample;
  attributes: Attribute[];
  mayEdit: boolean;
  onChanged: () => Promise<unknown>;
}

function Row({ sample, attributes, mayEdit, onChanged }: RowProps) {
  const save = (json: { name?: string; values?: Record<string, Value> }) =>
    sendInTurn(sample, (newest) => patchSample(newest, json))
      .catch(tellError)
      .finally(() => void onChanged());
  return (
    <tr>
      <td>
        <Cell label={`Name of ${sample.name}`} text={sample.name} disabled={!mayEdit} onSave={(text) => text.trim() ? save({ name: text.trim() }) : onChanged()} />
      </td>
      {attributes.map((attribute) => (
        <td key={attribute.id}>
          <Cell
            label={`${attribute.name} of ${sample.name}`}
            text={showCell(sample.values[attribute.id])}
            numeric={attribute.kind === 'number'}
            disabled={!mayEdit}
            onSave={(text) => {
              const value = parseCell(text, attribute.kind);
              if (value instanceof Error) tellError(value);
              else return save({ values: { [attribute.id]: value } });
            }}
          />
        </td>
      ))}
      <td style={{ width: 36 }}>
        {mayEdit && (
          <Button
            look="plain"
            small
            icon="trash"
            label={`Delete ${sample.name}`}
            onClick={() => void sendInTurn(sample, deleteSample).then(() => tell(`‘${sample.name}’ is deleted; History undoes it`), tellError).finally(() => void onChanged())}
          />
        )}
      </td>
    </tr>
  );
}

interface CellProps {
  label: string;
  text: string;
  numeric?: boolean;
  disabled: boolean;
  onSave: (text: string) => unknown;
}

/** One cell: Enter goes down, Escape takes back, leaving saves. */
function Cell({ label, text, numeric, disabled, onSave }: CellProps) {
  return (
    <input
      key={text}
      className={numeric ? 'cell num' : 'cell'}
      aria-label={label}
      defaultValue={text}
      disabled={disabled}
      onBlur={(event) => event.target.value !== text && onSave(event.target.value)}
      onKeyDown={(event) => {
        const input = event.currentTarget;
        if (event.key === 'Escape') {
          input.value = text;
          input.blur();
        } else if (event.key === 'Enter' || event.key === 'ArrowDown' || event.key === 'ArrowUp') {
          const row = input.closest('tr');
          const next = event.key === 'ArrowUp' ? row?.previousElementSibling : row?.nextElementSibling;
          const column = input.closest('td')?.cellIndex ?? 0;
          const target = (next as HTMLTableRowElement | null | undefined)?.cells[column]?.querySelector('input');
          if (target) target.focus();
          else input.blur();
        }
      }}
    />
  );
}
