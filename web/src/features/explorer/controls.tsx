/** Controls that several views have. */

import type { ReactNode } from 'react';
import type { TableRecord } from '../../api/types';
import { groupings, type Shared } from './shared';

export function Control({ label, help, children }: { label: string; help?: string; children: ReactNode }) {
  return (
    <label className="control" title={help}>
      <span>{label}</span>
      {children}
    </label>
  );
}

/** The annotation by which cells are grouped, the same in every view. */
export function GroupSelect({ table, shared, label = 'by', children }: { table: TableRecord; shared: Shared; label?: string; children?: ReactNode }) {
  return (
    <Control label={label} help="The annotation whose groups are compared; the same in every view">
      <select className="input" style={{ maxWidth: 180 }} aria-label="Group cells by" value={shared.group} onChange={(e) => shared.setGroup(e.target.value)}>
        {groupings(table).map((c) => <option key={c.id} value={c.name}>{c.name}</option>)}
        {children}
      </select>
    </Control>
  );
}
