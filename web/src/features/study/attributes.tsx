/** Attributes of samples: their heads in the table, new ones, and pasting many at once. */

import { useState } from 'react';
import { createAttribute, deleteAttribute, pasteSamples, patchAttribute } from '../../api/routes';
import type { Attribute, AttributeKind } from '../../api/types';
import { parseTabs } from '../../data/cellsheet';
import { plural } from '../../data/words';
import { tell, tellError } from '../../state/notices';
import { Button, Field } from '../../views/controls';
import { FormDialog, Popover } from '../../views/overlays';
import { tellReport } from './report';

interface HeadProps {
  attribute: Attribute;
  mayEdit: boolean;
  onChanged: () => Promise<unknown>;
}

export function AttributeHead({ attribute, mayEdit, onChanged }: HeadProps) {
  return (
    <th className={attribute.kind === 'number' ? 'num' : ''}>
      <span className="row" style={{ justifyContent: attribute.kind === 'number' ? 'flex-end' : undefined }}>
        {attribute.name}
        {attribute.unit && <span className="muted">({attribute.unit})</span>}
        {mayEdit && (
          <Popover label={`Change the attribute ${attribute.name}`} icon="more" small look="plain">
            {(close) => <AttributeForm attribute={attribute} onDone={() => { close(); void onChanged(); }} />}
          </Popover>
        )}
      </span>
    </th>
  );
}

function AttributeForm({ attribute, onDone }: { attribute: Attribute; onDone: () => void }) {
  const [name, setName] = useState(attribute.name);
  const [unit, setUnit] = useState(attribute.unit);
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        patchAttribute(attribute, { name, unit }).then(onDone, tellError);
      }}
    >
      <Field label="Name">
        <input className="input small" required value={name} onChange={(e) => setName(e.target.value)} />
      </Field>
      <Field label="Unit">
        <input className="input small" value={unit} placeholder="mg, days, °C" onChange={(e) => setUnit(e.target.value)} />
      </Field>
      <div className="spread">
        <Button small look="danger" onClick={() => void deleteAttribute(attribute).then(() => { tell(`‘${attribute.name}’ is deleted; History undoes it`); onDone(); }, tellError)}>
          Delete
        </Button>
        <Button small look="primary" type="submit">Save</Button>
      </div>
    </form>
  );
}

export function NewAttribute({ studyId, onClose, onMade }: { studyId: string; onClose: () => void; onMade: () => Promise<unknown> }) {
  const [name, setName] = useState('');
  const [kind, setKind] = useState<AttributeKind>('text');
  const [unit, setUnit] = useState('');
  return (
    <FormDialog title="Add attribute" verb="Add attribute" onClose={onClose} onSubmit={() => createAttribute(studyId, { name: name.trim(), kind, unit }).then(onMade)}>
      <Field label="Name">
        <input className="input" required autoFocus value={name} placeholder="Patient" onChange={(e) => setName(e.target.value)} />
      </Field>
      <Field label="Kind">
        <select className="input" value={kind} onChange={(e) => setKind(e.target.value as AttributeKind)}>
          <option value="text">Text</option>
          <option value="number">Number</option>
          <option value="boolean">Yes or no</option>
        </select>
      </Field>
      {kind === 'number' && (
        <Field label="Unit">
          <input className="input" value={unit} placeholder="mg, days, °C" onChange={(e) => setUnit(e.target.value)} />
        </Field>
      )}
    </FormDialog>
  );
}

export function PasteDialog({ studyId, initial, onClose, onDone }: { studyId: string; initial: string; onClose: () => void; onDone: () => Promise<unknown> }) {
  const [text, setText] = useState(initial);
  const rows = parseTabs(text);
  const [head = [], ...body] = rows;
  return (
    <FormDialog
      title="Paste from a spreadsheet"
      verb={body.length ? `Take ${plural(body.length, 'sample')}` : 'Take samples'}
      wide
      disabled={body.length === 0}
      onClose={onClose}
      onSubmit={async () => {
        tellReport(await pasteSamples(studyId, text));
        await onDone();
      }}
    >
      <Field label="Cells" help="First row: names of the attributes. First column: names of the samples. Samples that exist are changed, others added.">
        <textarea className="input mono" rows={6} autoFocus value={text} placeholder={'sample\tpatient\tdose\nS1\tP01\t2.5'} onChange={(e) => setText(e.target.value)} />
      </Field>
      {body.length > 0 && (
        <div style={{ maxHeight: 220, overflow: 'auto' }}>
          <table className="table">
            <thead>
              <tr>{head.map((cell, i) => <th key={i}>{cell || '–'}</th>)}</tr>
            </thead>
            <tbody>
              {body.slice(0, 20).map((row, i) => (
                <tr key={i}>{head.map((_, j) => <td key={j}>{row[j] ?? ''}</td>)}</tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </FormDialog>
  );
}
