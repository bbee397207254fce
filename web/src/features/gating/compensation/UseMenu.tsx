/** Which files are compensated with a matrix. */

import { useState } from 'react';
import { patchFile, type Compensation } from '../../../api/gating';
import { plural } from '../../../data/words';
import { changeFile } from '../../../state/gating/actions';
import { tell } from '../../../state/notices';
import { Button } from '../../../views/controls';
import { Popover } from '../../../views/overlays';
import type { GatedFile, GatingState } from '../useGating';

export const fitsMatrix = (file: GatedFile, channels: string[]) => channels.every((channel) => file.panel.some((c) => c.channel === channel));

export function UseMenu({ state, record }: { state: GatingState; record: Compensation }) {
  const fitting = state.files.filter((f) => fitsMatrix(f, record.channels));
  const using = fitting.filter((f) => f.dataset.compensation === record.id);
  return (
    <Popover label="Files that use this matrix" text={`Used by ${plural(using.length, 'file')}`} small>
      {(close) => <Choose state={state} record={record} fitting={fitting} close={close} />}
    </Popover>
  );
}

function Choose({ state, record, fitting, close }: { state: GatingState; record: Compensation; fitting: GatedFile[]; close: () => void }) {
  const [ticked, setTicked] = useState(() => new Set(fitting.filter((f) => f.dataset.compensation === record.id).map((f) => f.key)));
  const flip = (key: string) => setTicked((now) => new Set(now.has(key) ? [...now].filter((k) => k !== key) : [...now, key]));
  const changes = fitting.filter((f) => ticked.has(f.key) !== (f.dataset.compensation === record.id));
  const apply = () => {
    close();
    void changeFile(state.study.id, async () => {
      for (const file of changes) await patchFile(file.dataset, { compensation: ticked.has(file.key) ? record.id : 'none' });
      tell(`${plural(changes.length, 'file')} changed: ${plural(ticked.size, 'file')} now ${ticked.size === 1 ? 'uses' : 'use'} ‘${record.name}’`);
    });
  };
  return (
    <div className="stack tight tick-menu">
      <p className="small muted">Files with these channels. Plots and statistics take this matrix where ‘as each file says’ is chosen.</p>
      <div className="filter-list" role="group" aria-label="Files">
        {fitting.map((f) => <label key={f.key}><input type="checkbox" disabled={!state.mayEdit} checked={ticked.has(f.key)} onChange={() => flip(f.key)} /> <span className="cut">{f.name}</span></label>)}
      </div>
      <div className="row">
        <Button small look="plain" disabled={!state.mayEdit} onClick={() => setTicked(new Set(fitting.map((f) => f.key)))}>All</Button>
        <Button small look="plain" disabled={!state.mayEdit} onClick={() => setTicked(new Set())}>None</Button>
        <span className="grow" />
        <Button small look="primary" disabled={!changes.length || !state.mayEdit} onClick={apply}>Use for {plural(ticked.size, 'file')}</Button>
      </div>
    </div>
  );
}
