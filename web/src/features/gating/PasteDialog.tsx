/** On which channel a pasted gate shall lie, where several of the open file have its reagent. */

import { useState } from 'react';
import { pasteStore, type CopiedGate } from '../../state/gating/layout';
import { useStore } from '../../state/store';
import { Field } from '../../views/controls';
import { FormDialog } from '../../views/overlays';
import { pasteOn, placesOf } from './clipboard';
import type { GatingState } from './useGating';

export function PasteDialog({ state }: { state: GatingState }) {
  const copied = useStore(pasteStore);
  return copied && <Choices state={state} copied={copied} />;
}

function Choices({ state, copied }: { state: GatingState; copied: CopiedGate }) {
  const places = placesOf(copied, state);
  const [chosen, setChosen] = useState<Record<string, string>>({});
  const axes = places.map(({ reference, found }) => found.axis ?? chosen[reference] ?? '');
  return (
    <FormDialog title={`Paste ‘${copied.name}’`} verb="Paste gate" disabled={axes.includes('')} onClose={() => pasteStore.set(null)} onSubmit={() => pasteOn(state, copied, axes)}>
      {places.filter(({ found }) => found.axis === null).map(({ reference, reagent, found }) => (
        <Field key={reference} label={`Channel of ${reagent}`} help={`In ${state.file?.name ?? 'this file'} it is on ${found.among.join(' and ')}.`}>
          <select className="input" value={chosen[reference] ?? ''} onChange={(e) => setChosen({ ...chosen, [reference]: e.target.value })}>
            <option value="">Choose</option>
            {found.among.map((channel) => <option key={channel} value={`var:${channel}`}>{channel}</option>)}
          </select>
        </Field>
      ))}
    </FormDialog>
  );
}
