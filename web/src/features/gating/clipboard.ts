/** Gates are copied from one population, file or study and pasted into another: axes follow by reagent. */

import { useEffect, useRef } from 'react';
import type { Gate, NewGate } from '../../api/gating';
import { matchByReagent } from '../../data/gating/axes';
import { freshName } from '../../data/words';
import { addGate } from '../../state/gating/actions';
import { clipboardStore } from '../../state/gating/layout';
import { offerShortcuts } from '../../state/keyboard';
import { tell } from '../../state/notices';
import { newGid } from './NameBox';
import type { GatingState } from './useGating';

export function copyGate(state: GatingState, gate: Gate): void {
  clipboardStore.set({ kind: gate.kind, name: gate.name, x: gate.x, y: gate.y, geometry: gate.geometry, sectors: gate.sectors.map((s) => s.name), panel: state.file?.panel ?? [] });
  tell(`‘${gate.name}’ is copied; open a population, in this study or another, and paste it (Ctrl+V)`);
}

export async function pasteGate(state: GatingState): Promise<void> {
  const copied = clipboardStore.get();
  if (!copied || !state.mayEdit) return tell('Select a gate and copy it first (Ctrl+C)');
  const panel = state.file?.panel ?? [];
  const [x, y] = [matchByReagent(copied.x, copied.panel, panel), copied.y ? matchByReagent(copied.y, copied.panel, panel) : ''];
  const missing = x === null ? copied.x : y === null ? copied.y : null;
  if (x === null || y === null) return tell(`This file has no channel for ‘${(missing ?? '').replace(/^var:/, '')}’, so the gate cannot be pasted here`);
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
