/** Changes of gates and populations: shown at once, sent, and read afresh. */

import * as api from '../../api/gating';
import { undoRevision, listRevisions } from '../../api/routes';
import type { Revision } from '../../api/types';
import { isUndoing, toRedo, toUndo, verbText } from '../../data/verbs';
import { createStore } from '../store';
import { tell, tellError } from '../notices';
import { keys, queryClient, refresh } from '../queries';
import { gatingKeys, refreshGating } from './queries';

/** Send a change; what went wrong is told, and the page shows what the server has. */
async function change<T>(studyId: string, send: () => Promise<T>): Promise<T | null> {
  try {
    return await send();
  } catch (error) {
    tellError(error);
    return null;
  } finally {
    // what is drawn next is waited for; counts and statistics come when they come
    void refreshGating(studyId);
    await refresh(gatingKeys.gates(studyId), gatingKeys.populations(studyId));
  }
}

let before: Promise<unknown> = Promise.resolve();

/** Changes of gates one after the other: each is made for the version that the one before left. */
function inTurn<T>(run: () => Promise<T>): Promise<T> {
  void settleNudges();
  const mine = before.then(run);
  before = mine.catch(() => undefined);
  return mine;
}

/** The gate as the last answer has it. */
const newest = (gate: api.Gate) => queryClient.getQueryData<api.Gate[]>(gatingKeys.gates(gate.study_id))?.find((g) => g.id === gate.id) ?? gate;

/** Show a gate as it will be; an answer that is on its way from before must not show it as it was. */
async function showGate(studyId: string, id: string, part: Partial<api.Gate>): Promise<void> {
  const queryKey = gatingKeys.gates(studyId);
  await queryClient.cancelQueries({ queryKey });
  queryClient.setQueryData<api.Gate[]>(queryKey, (gates) => gates?.map((gate) => (gate.id === id ? { ...gate, ...part } : gate)));
}

export const addGate = (studyId: string, gate: api.NewGate, parentId: string | null) =>
  change(studyId, () => api.createGates(studyId, { gates: [gate], populations: true, parent_id: parentId }));

export const addGates = (studyId: string, gates: api.NewGate[], parentId: string | null) =>
  change(studyId, () => api.createGates(studyId, { gates, populations: true, parent_id: parentId }));

export function changeGate(gate: api.Gate, part: api.GatePatch) {
  return inTurn(async () => {
    await showGate(gate.study_id, gate.id, part);
    return change(gate.study_id, () => api.patchGate(newest(gate), part));
  });
}

/** Move or reshape a gate as one file sees it: its own where gates are tailored to files, else that of all files. */
export function reshapeGate(gate: api.Gate, geometry: Record<string, unknown>, datasetId: string) {
  return inTurn(async () => {
    await showGate(gate.study_id, gate.id, { geometry });
    return change(gate.study_id, () => sendShape(newest(gate), geometry, datasetId));
  });
}

/** `leaving`: the page closes, and the browser finishes the request without it. */
export async function sendShape(gate: api.Gate, geometry: Record<string, unknown>, datasetId: string, leaving = false): Promise<void> {
  if (gate.dataset_id === null && gate.tailored) await api.tailorGate(gate.study_id, { gid: gate.gid, gate: { ...gate, geometry, dataset_id: datasetId }, dataset_ids: [datasetId] }, leaving);
  else await api.patchGate(gate, { geometry }, leaving);
}

/** Give files this gate as their own. */
export const tailorTo = (gate: api.Gate, datasetIds: string[]) =>
  inTurn(() => change(gate.study_id, () => api.tailorGate(gate.study_id, { gid: gate.gid, gate: newest(gate), dataset_ids: datasetIds })));

/** Small steps of one gate by keys, gathered into one change: shown at once, saved after a pause, or when the gate or the page is left. */
export interface Nudge {
  /** The gate that is moved. */
  gate: api.Gate;
  /** As it is now. */
  geometry: Record<string, unknown>;
  datasetId: string;
}

const PAUSE_MS = 700;

export const nudgeStore = createStore<Nudge | null>(null);
let timer: ReturnType<typeof setTimeout> | undefined;
let saving: Nudge | null = null;

const isOfSame = (a: Nudge, b: Nudge) => a.gate.gid === b.gate.gid && a.datasetId === b.datasetId;

export function nudgeGate(nudge: Nudge): void {
  const now = nudgeStore.get();
  if (now && !isOfSame(now, nudge)) void settleNudges();
  clearTimeout(timer);
  timer = setTimeout(() => void settleNudges(), PAUSE_MS);
  nudgeStore.set(nudge);
}

/** Save what was gathered; further changes of gates come after it. */
export async function settleNudges(): Promise<void> {
  clearTimeout(timer);
  const nudge = nudgeStore.get();
  if (!nudge || saving === nudge) return;
  saving = nudge;
  await reshapeGate(nudge.gate, nudge.geometry, nudge.datasetId);
  if (saving === nudge) saving = null;
  // meanwhile it may have been moved on
  nudgeStore.set((now) => (now === nudge ? null : now));
}

/** The page closes: what was gathered is handed to the browser. */
export function leaveNudges(): void {
  clearTimeout(timer);
  const nudge = nudgeStore.get();
  nudgeStore.set(null);
  if (nudge) sendShape(nudge.gate, nudge.geometry, nudge.datasetId, true).catch(() => undefined);
}

/** The gates of a file as they are being moved. */
export const withNudge = (gates: api.Gate[], nudge: Nudge | null, datasetId: string): api.Gate[] =>
  nudge?.datasetId === datasetId ? gates.map((gate) => (gate.gid === nudge.gate.gid ? { ...gate, geometry: nudge.geometry } : gate)) : gates;

/** Take a gate away with the populations that it makes and all below them. */
export async function removeGate(gate: api.Gate, made: api.Population[]) {
  await inTurn(() =>
    change(gate.study_id, async () => {
      for (const population of made) await api.deletePopulation(population, true);
      await api.deleteGateFamily(gate.study_id, gate.gid);
    }),
  );
  tell(`‘${gate.name || made.map((p) => p.name).join(', ')}’ is gone`, { label: 'Undo', run: () => void undoLast(gate.study_id, made.length + 1) });
}

export const renamePopulation = (population: api.Population, name: string) => change(population.study_id, () => api.patchPopulation(population, { name }));

export async function removePopulation(population: api.Population, branch: boolean) {
  const done = await change(population.study_id, () => api.deletePopulation(population, branch));
  if (done) tell(`‘${population.name}’ is gone`, { label: 'Undo', run: () => void undoLast(population.study_id) });
}

export const addPopulation = (studyId: string, json: Parameters<typeof api.createPopulation>[1]) => change(studyId, () => api.createPopulation(studyId, json));

export const changeScales = (studyId: string, set: api.ScaleSet, scales: Record<string, api.ScaleJson>) => change(studyId, () => api.putScales(studyId, set, scales));

export const changeFile = (studyId: string, send: () => Promise<unknown>) =>
  change(studyId, async () => {
    await send();
    await refresh(keys.datasets(studyId), ['dataset'], keys.samples(studyId));
  });

/** The newest changes that nobody undid, taken back one after the other. */
export async function undoLast(studyId: string, times = 1): Promise<void> {
  await inTurn(() => step(studyId, times, toUndo, 'There is nothing to undo'));
}

/** What was undone last, done again. */
export async function redoLast(studyId: string): Promise<void> {
  await inTurn(() => step(studyId, 1, toRedo, 'There is nothing to do again'));
}

async function step(studyId: string, times: number, next: (revisions: Revision[]) => Revision | undefined, nothing: string): Promise<void> {
  try {
    for (let i = 0; i < times; i++) {
      const revision = next(await listRevisions(studyId));
      if (!revision) return tell(nothing);
      await undoRevision(revision.id);
      if (i === times - 1) tell(isUndoing(revision.verb) ? 'Done again' : `Undone: ${revision.label || verbText(revision.verb).toLowerCase()}`);
    }
  } catch (error) {
    tellError(error);
  } finally {
    await refreshGating(studyId);
    await refresh(keys.revisions(studyId), keys.datasets(studyId));
  }
}
