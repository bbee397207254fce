/** Compensations of the study: made from nothing, from a file, from a CSV or from controls; edited with all plots in sight. */

import { useState } from 'react';
import { createCompensation, getKeywords } from '../../../api/gating';
import { oneOfEachDetector } from '../../../data/gating/controls';
import { identity, parseMatrixCsv, spillOf } from '../../../data/gating/spill';
import { freshName } from '../../../data/words';
import { changeFile } from '../../../state/gating/actions';
import { tell, tellError } from '../../../state/notices';
import { useViewState } from '../../../state/viewState';
import { Button } from '../../../views/controls';
import { Popover } from '../../../views/overlays';
import { Empty } from '../../../views/states';
import type { GatedFile, GatingState } from '../useGating';
import { ControlsView } from './ControlsView';
import { MatrixEditor } from './MatrixEditor';

/** Channels of light that dyes give: neither scatter nor time nor size. */
export const fluorescent = (file: GatedFile | null) => oneOfEachDetector((file?.panel ?? []).filter((c) => !/^(FSC|SSC|FS|SS|Time|Event|Width|TLSW|TMSW)/i.test(c.channel)));

export function CompensationView({ state }: { state: GatingState }) {
  const { compensations, file, study, mayEdit } = state;
  const [view, change] = useViewState('compensation', { id: '' });
  const [isComputing, setComputing] = useState(false);
  const chosen = compensations.find((c) => c.id === view.id) ?? compensations[0] ?? null;
  const channels = fluorescent(file).map((c) => c.channel);
  const taken = compensations.map((c) => c.name);
  const add = (name: string, names: string[], matrix: number[]) =>
    changeFile(study.id, () => createCompensation(study.id, { name, channels: names, matrix }).then((made) => { change({ id: made.id }); setComputing(false); }));
  const takeCsv = (files: FileList | null) => {
    const given = files?.[0];
    void given?.text().then((text) => {
      const { channels: names, matrix } = parseMatrixCsv(text);
      return add(freshName(given.name.replace(/\.\w+$/, ''), taken), names, matrix);
    }).catch(tellError);
  };
  const takeFile = async (of: GatedFile) => {
    const found = spillOf((await getKeywords(of.dataset.id)).items);
    if (!found) return tell(`${of.name} brought no matrix`);
    await add(freshName(`Matrix of ${of.name}`, taken), found.channels, found.matrix);
  };
  return (
    <>
      <div className="toolbar" role="toolbar" aria-label="Compensation">
        <select className="input small" aria-label="Compensation matrix" value={chosen?.id ?? ''} onChange={(e) => { change({ id: e.target.value }); setComputing(false); }}>
          {compensations.length === 0 && <option value="">no matrix yet</option>}
          {compensations.map((c) => <option key={c.id} value={c.id}>{c.name}</option>)}
        </select>
        {mayEdit && (
          <>
            <Popover label="New matrix" text="New matrix" icon="plus" small left menu>
              {(close) => (
                <>
                  <Button small look="plain" disabled={channels.length < 2} onClick={() => { close(); void add(freshName('Compensation', taken), channels, identity(channels.length)); }}>From nothing</Button>
                  {file && file.panel.length > 0 && <Button small look="plain" onClick={() => { close(); takeFile(file).catch(tellError); }}>From the matrix of {file.name}</Button>}
                  <Button small look="plain" onClick={() => { close(); setComputing(true); }}>From single-stained controls</Button>
                </>
              )}
            </Popover>
            <label className="button small" style={{ position: 'relative' }}>Take in CSV<input className="hidden-label" type="file" accept=".csv,.tsv,.txt" aria-label="Matrix as CSV" onChange={(e) => { takeCsv(e.target.files); e.target.value = ''; }} /></label>
          </>
        )}
      </div>
      {isComputing ? (
        <ControlsView state={state} before={chosen} onClose={() => setComputing(false)} onMade={(id) => { change({ id }); setComputing(false); }} />
      ) : chosen ? (
        <MatrixEditor key={chosen.id} state={state} record={chosen} onFromControls={() => setComputing(true)} />
      ) : (
        <Empty title="No matrix yet" action={mayEdit && <Button look="primary" onClick={() => setComputing(true)}>Compute from controls</Button>}>
          Each file may be compensated with the matrix that it holds itself; choose that above the plots. A matrix of the study is computed from single-stained controls, or made from
          nothing, from that of a file, or from a CSV.
        </Empty>
      )}
    </>
  );
}
