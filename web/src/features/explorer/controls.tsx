/** Controls that several views have. */

import type { ReactNode } from 'react';
import type { Attribute, TableRecord } from '../../api/types';
import { ATTRIBUTE, groupings, type Shared } from './shared';

export function Control({ label, help, children }: { label: string; help?: string; children: ReactNode }) {
  return (
    <label className="control" title={help}>
      <span>{label}</span>
      {children}
    </label>
  );
}

interface GroupProps {
  table: TableRecord;
  shared: Shared;
  label?: string;
  /** Of the samples of the study, where they can group cells too. */
  attributes?: Attribute[];
  children?: ReactNode;
}

/** The annotation by which cells are grouped, the same in every view. */
export function GroupSelect({ table, shared, label = 'by', attributes = [], children }: GroupProps) {
  return (
    <Control label={label} help="The annotation whose groups are compared; the same in every view">
      <select className="input" style={{ maxWidth: 240 }} aria-label="Group cells by" value={shared.group} onChange={(e) => shared.setGroup(e.target.value)}>
        {groupings(table).map((c) => <option key={c.id} value={c.name}>{c.name}</option>)}
        {attributes.length > 0 && (
          <optgroup label="Of the samples">
            {attributes.map((a) => <option key={a.id} value={`${ATTRIBUTE}${a.name}`}>{a.name}</option>)}
          </optgroup>
        )}
        {children}
      </select>
    </Control>
  );
}
