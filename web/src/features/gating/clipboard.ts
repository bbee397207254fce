/** Gates are copied from one population, file or study and pasted into another: axes follow by reagent. */

import { useEffect, useRef } from 'react';
import type { Gate, NewGate } from '../../api/gating';
import { axisLabel, matchByReagent, type Carrier } from '../../data/gating/axes';
import { embeddingTitle, freshName } from '../../data/words';
import { addGate } from '../../state/gating/actions';
import { clipboardStore, pasteStore, type CopiedGate } from '../../state/gating/layout';
import { offerShortcuts } from '../../state/keyboard';
import { tell } from '../../state/notices';
import { newGid } from './NameBox';
import type { GatingState } from './useGating';

export function copyGate(state: GatingState, gate: Gate): void {
  clipboardStore.set({ kind: gate.kind, name: gate.name, x: gate.x, y: gate.y, geometry: gate.geometry, sectors: gate.sectors.map((s) => s.name), panel: state.file?.panel ?? [] });
  tell(`‘${gate.name}’ is copied; open a population, in this study or another, and paste it (Ctrl+V)`);
}

/** Where the axes of the copied gate lie in the open file; '' has none. */
export function placesOf(copied: CopiedGate, state: GatingState): { reference: string; reagent: string; found: Carrier }[] {
  const panel = state.file?.panel ?? [];
  return [copied.x, copied.y].filter(Boolean).map((reference) => ({
    reference,
    reagent: axisLabel(reference, copied.panel, embeddingTitle).label,
    found: matchByReagent(reference, copied.panel, panel),
  }));
}

/** Pastes the copied gate; where its reagent lies on several channels, the page asks which is meant. */
export async function pasteGate(state: GatingState): Promise<void> {
  const copied = clipboardStore.get();
  if (!copied || !state.mayEdit) return tell('Select a gate and copy it first (Ctrl+C)');
  const places = placesOf(copied, state);
  const missing = places.find(({ found }) => found.axis === null && found.among.length === 0);
  if (missing) return tell(`This file has no channel for ‘${missing.reagent}’, so the gate cannot be pasted here`);
  if (places.some(({ found }) => found.axis === null)) return pasteStore.set(copied);
  await pasteOn(state, copied, places.map(({ found }) => found.axis ?? ''));
}

export async function pasteOn(state: GatingState, copied: CopiedGate, [x, y = '']: string[]): Promise<void> {
  const taken = state.populations.map((p) => p.name);
  const gate: NewGate = {
    kind: copied.kind as NewGate['kind'],
    name: taken.includes(copied.name) ? freshName(copied.name, taken) : copied.name,
    x,
    y,
    geometry: copied.geometry,
    gid: newGid(),
    sectors: copied.sectors.map((name) => ({ gid: newGid(), name })),
  };
  const made = await addGate(state.study.id, gate, state.population?.id ?? null);
  if (made) tell(`‘${gate.name}’ is pasted into ‘${state.population?.name ?? state.allName}’`);
}

export function useClipboardKeys(state: GatingState, gate: Gate | null): void {
  const now = useRef({ state, gate });
  useEffect(() => {
    now.current = { state, gate };
  });
  useEffect(
    () =>
      offerShortcuts([
        { keys: 'Ctrl+c', title: 'Copy the selected gate', run: () => now.current.gate && copyGate(now.current.state, now.current.gate) },
        { keys: 'Ctrl+v', title: 'Paste the gate into the open population', run: () => void pasteGate(now.current.state) },
      ]),
    [],
  );
}
