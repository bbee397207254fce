/** A compensation computed from single-stained controls: which file is whose control, what is taken of it, what comes out. */

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type { Compensation } from '../../../api/gating';
import { computeCompensation, type Computed, type ControlWish, type Range } from '../../../api/matrices';
import { guessControls } from '../../../data/gating/controls';
import { freshName } from '../../../data/words';
import { changeFile } from '../../../state/gating/actions';
import { tell } from '../../../state/notices';
import { Button } from '../../../views/controls';
import { ErrorNote } from '../../../views/states';
import { labelOf, populationChoices } from '../choices';
import type { GatingState } from '../useGating';
import { fluorescent } from './CompensationView';
import { ControlRow } from './ControlRow';
import { MatrixTable } from './MatrixTable';
import { useColumns } from './useColumns';
import { fitsMatrix } from './UseMenu';

export interface Chosen {
  dataset: string;
  positive?: Range;
  negative?: Range;
}

interface Props {
  state: GatingState;
  /** Whose controls are taken over. */
  before: Compensation | null;
  onClose: () => void;
  onMade: (id: string) => void;
}

export function ControlsView({ state, before, onClose, onMade }: Props) {
  const known = before?.made_by?.controls ?? [];
  const channels = known.length && before ? before.channels : fluorescent(state.file).map((c) => c.channel);
  const [chosen, setChosen] = useState<Record<string, Chosen>>(() => Object.fromEntries(known.map((c) => [c.channel, { dataset: c.dataset_id }])));
  const [unstained, setUnstained] = useState(before?.made_by?.unstained?.dataset_id ?? '');
  const [population, setPopulation] = useState(known[0]?.population_id ?? '');
  const [name, setName] = useState(() => freshName('From controls', state.compensations.map((c) => c.name)));
  const files = state.files.filter((f) => fitsMatrix(f, channels));
  const offered = files.some((f) => f.dataset.is_control) ? files.filter((f) => f.dataset.is_control) : files;
  const guess = useGuess(state, channels, offered);
  const take = (channel: string, part: Partial<Chosen> | null) => setChosen((now) => (part ? { ...now, [channel]: { ...now[channel], ...part } } : Object.fromEntries(Object.entries(now).filter(([c]) => c !== channel))));
  const controls: ControlWish[] = channels.flatMap((channel) => (chosen[channel] ? [{ channel, dataset_id: chosen[channel].dataset, population_id: population || null, positive: chosen[channel].positive ?? null, negative: chosen[channel].negative ?? null }] : []));
  const asked = { controls, unstained: unstained ? { dataset_id: unstained, population_id: population || null } : null };
  const query = useQuery({ queryKey: ['computed-compensation', state.study.id, asked], queryFn: ({ signal }) => computeCompensation(state.study.id, asked, signal), enabled: controls.length > 1, placeholderData: keepPreviousData, retry: false, staleTime: Infinity });
  const found = controls.length > 1 && !query.error ? query.data : undefined;
  const warnings = found?.warnings ?? [];
  const [insisted, setInsisted] = useState('');
  const insist = warnings.length > 0 && insisted === warnings.join();
  const keep = () =>
    changeFile(state.study.id, async () => {
      const { compensation } = await computeCompensation(state.study.id, { ...asked, name: name.trim(), insist });
      tell(`‘${name.trim()}’ is kept`);
      if (compensation) onMade(compensation.id);
    });
  return (
    <div className="compensation">
      <section className="panel" aria-label="Controls">
        <header className="wrap">
          <h2>Single-stained controls</h2>
          <label className="row small">events of
            <select className="input small" aria-label="Events of the controls" value={population} onChange={(e) => setPopulation(e.target.value)}>
              {populationChoices(state).map((p) => <option key={p.id} value={p.id}>{p.label}</option>)}
            </select>
          </label>
          <label className="row small">unstained
            <select className="input small" aria-label="Unstained control" value={unstained} onChange={(e) => setUnstained(e.target.value)}>
              <option value="">none: the dim events of each</option>
              {files.map((f) => <option key={f.key} value={f.dataset.id}>{f.name}</option>)}
            </select>
          </label>
          <Button small disabled={!guess} onClick={() => { if (guess) { setChosen(guess.chosen); setUnstained(guess.unstained); } }}>Find them</Button>
          <Button small look="plain" onClick={onClose}>Close</Button>
        </header>
        <p className="small muted">Choose a file for each channel, or let them be found by their names and by what is bright in them. Drag over a histogram to say which events are taken as bright.</p>
        <div className="control-rows">
          {channels.map((channel) => (
            <ControlRow key={channel} state={state} channel={channel} files={files} chosen={chosen[channel] ?? null} population={population || null} parts={found?.parts.find((p) => p.channel === channel) ?? null} hasUnstained={unstained !== ''} onTake={(part) => take(channel, part)} />
          ))}
        </div>
        <ErrorNote error={query.error} />
      </section>
      <section className="panel" aria-label="Computed matrix" aria-busy={query.isFetching}>
        <header className="wrap">
          <h2 className="grow">What comes out</h2>
          {found && state.mayEdit && (
            <>
              <input className="input small" aria-label="Name of the matrix" value={name} onChange={(e) => setName(e.target.value)} style={{ width: 180 }} />
              <Button small look="primary" disabled={!name.trim() || query.isFetching || (warnings.length > 0 && !insist)} onClick={() => void keep()}>Keep matrix</Button>
            </>
          )}
        </header>
        {warnings.length > 0 && (
          <div className="error stack" role="alert" aria-label="Controls that may be swapped">
            {warnings.map((text) => <p key={text}>{text}.</p>)}
            {state.mayEdit && <label className="row small"><input type="checkbox" checked={insist} onChange={(e) => setInsisted(e.target.checked ? warnings.join() : '')} /> The controls are right: keep it all the same</label>}
          </div>
        )}
        {found ? <Found state={state} found={found} /> : <p className="muted">Two controls at least are needed.</p>}
      </section>
    </div>
  );
}

function Found({ state, found }: { state: GatingState; found: Computed }) {
  const names = found.channels.map((c) => labelOf(state, `var:${c}`));
  return (
    <div className="matrices">
      <div>
        <h3>Spillover <span className="muted small">per cent of the row’s dye seen in the column’s detector</span></h3>
        <MatrixTable label="Computed spillover" names={names} values={found.matrix.flat()} times={100} unit="per cent" />
      </div>
      <div>
        <h3>Spread <span className="muted small">how much the row’s dye widens populations in the column’s detector, after compensation</span></h3>
        <MatrixTable label="Spread" names={names} values={found.spread.flat().map((v) => v ?? NaN)} times={1} unit="root of data units" />
      </div>
    </div>
  );
}

/** What the names and the brightness of files say; null until it is known. */
function useGuess(state: GatingState, channels: string[], files: GatingState['files']) {
  const columns = useColumns(state, files, channels);
  const { file } = state;
  return useMemo(() => {
    if (!columns) return null;
    const found = guessControls(columns, channels.map((channel) => ({ channel, reagent: file?.panel.find((c) => c.channel === channel)?.reagent ?? '' })));
    return { chosen: Object.fromEntries([...found.controls].map(([channel, dataset]): [string, Chosen] => [channel, { dataset }])), unstained: found.unstained ?? '' };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the columns are made anew where the channels are others
  }, [columns]);
}
