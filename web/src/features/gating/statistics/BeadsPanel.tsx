/** Counting beads, which tell in how much of a sample the events were. */

import { Field } from '../../../views/controls';
import type { GatingState } from '../useGating';
import type { TableChoice } from './asked';

interface Props {
  state: GatingState;
  choice: TableChoice;
  onChange: (part: Partial<TableChoice>) => void;
}

const amount = (text: string) => Math.max(0, Number(text) || 0);

export function BeadsPanel({ state, choice, onChange }: Props) {
  const isHalf = choice.beads !== '' && !(choice.added > 0 && choice.volume > 0);
  return (
    <section className="stack tight" aria-label="Counting beads">
      <div className="row wrap bead-fields">
        <Field label="Population of beads">
          <select className="input small" value={choice.beads} onChange={(e) => onChange({ beads: e.target.value })}>
            <option value="">none: by the volume in the file</option>
            {state.rows.map(({ population }) => <option key={population.id} value={population.id}>{population.name}</option>)}
          </select>
        </Field>
        <Field label="Beads added to each tube"><input className="input small num" type="number" min={0} step="any" disabled={!choice.beads} value={choice.added || ''} onChange={(e) => onChange({ added: amount(e.target.value) })} /></Field>
        <Field label="Volume of the sample, µL"><input className="input small num" type="number" min={0} step="any" disabled={!choice.beads} value={choice.volume || ''} onChange={(e) => onChange({ volume: amount(e.target.value) })} /></Field>
      </div>
      <p className="small muted" role="status">
        {isHalf ? 'Give the beads and the volume of a tube: until then the volume in the file counts.' : choice.beads ? 'Events ÷ beads counted × beads added ÷ volume.' : 'Events divided by the volume that was measured ($VOL); a file that does not say it has no value.'}
      </p>
    </section>
  );
}
