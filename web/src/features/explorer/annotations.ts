/** Changing annotations on the server: every change is a revision, so every change offers to be undone. */

import { createColumn, createColumnsFromArrow, deleteColumn, patchColumn, publishColumn, putColumnTerms } from '../../api/datasets';
import { listRevisions, undoRevision } from '../../api/routes';
import type { ColumnPatch, ColumnRecord, Revision } from '../../api/types';
import { encodeAnnotation } from '../../data/arrow';
import { isUndoing } from '../../data/verbs';
import { tell, tellError } from '../../state/notices';
import { keys, refresh } from '../../state/queries';
import { sendInTurn } from '../../state/turns';

export interface Population {
  name: string;
  color: string;
  cells: Uint32Array;
}

export interface AnnotationActions {
  /** `isPrivate`: only oneself sees it, until it is published. */
  create: (name: string, populations: Population[], isPrivate: boolean) => Promise<void>;
  patch: (column: ColumnRecord, patch: ColumnPatch, done: string) => Promise<void>;
  remove: (column: ColumnRecord) => Promise<void>;
  publish: (column: ColumnRecord) => Promise<void>;
  /** The publishing that can be taken back; null where there is none, or something was changed since. */
  published: (column: ColumnRecord) => Promise<Revision | null>;
  takeBack: (revision: Revision) => Promise<void>;
  /** Standard terms by category; null takes one away. */
  setTerms: (column: ColumnRecord, changes: Record<string, string | null>, done: string) => Promise<void>;
}

/** Above this many cells an annotation travels as Arrow, where it takes few bytes per cell, not as JSON. */
const JSON_CELLS = 100_000;

interface Place {
  studyId: string;
  datasetId: string;
  table: string;
  nCells: number;
}

async function save(place: Place, name: string, populations: Population[], isPrivate: boolean): Promise<ColumnRecord[]> {
  const total = populations.reduce((sum, p) => sum + p.cells.length, 0);
  if (total <= JSON_CELLS) {
    const categories = populations.map((p) => ({ name: p.name, color: p.color, cells: Array.from(p.cells) }));
    return (await createColumn(place.datasetId, place.table, { name, categories }, isPrivate)).columns;
  }
  const made = await createColumnsFromArrow(place.datasetId, place.table, encodeAnnotation(name, populations, place.nCells), isPrivate);
  const colors = Object.fromEntries(populations.map((p) => [p.name, p.color]));
  await patchColumn(place.datasetId, place.table, made.columns[0], { colors });
  return made.columns;
}

/** The revisions of an annotation that can be undone, newest first; none where they cannot be read. */
async function revisionsOf(place: Place, columnId: string): Promise<Revision[]> {
  try {
    const all = await listRevisions(place.studyId);
    return all.filter((r) => r.subject_id === columnId && !r.undone_at && !isUndoing(r.verb));
  } catch {
    // The change itself was saved; only its undo cannot be offered here. History still does.
    return [];
  }
}

export function annotationActions(place: Place): AnnotationActions {
  const again = () => refresh(keys.dataset(place.datasetId), keys.datasets(place.studyId), keys.revisions(place.studyId));
  const undo = async (revisions: Revision[]) => {
    try {
      for (const revision of revisions) await undoRevision(revision.id);
      await again();
      tell('Undone');
    } catch (error) {
      tellError(error);
      await again();
    }
  };
  const tellDone = (text: string, revisions: Revision[]) =>
    tell(text, revisions.length ? { label: 'Undo', run: () => void undo(revisions) } : undefined);
  const change = async (column: ColumnRecord, work: (newest: ColumnRecord) => Promise<unknown>, done: string) => {
    try {
      let made: Revision[] = [];
      await sendInTurn(column, async (newest) => {
        const answer = await work(newest);
        // before the next change is sent: undo takes back this one
        made = (await revisionsOf(place, column.id)).slice(0, 1);
        return answer;
      });
      await again();
      tellDone(done, made);
    } catch (error) {
      tellError(error);
      await again();
    }
  };
  return {
    create: async (name, populations, isPrivate) => {
      const [column] = await save(place, name, populations, isPrivate);
      await again();
      tellDone(`‘${name}’ is saved${isPrivate ? ', for you only' : ''}`, column ? await revisionsOf(place, column.id) : []);
    },
    // colours are sent all at once: they were chosen for what is shown
    patch: (column, patch, done) => change(column, (newest) => patchColumn(place.datasetId, place.table, patch.colors ? column : newest, patch), done),
    remove: (column) => change(column, (newest) => deleteColumn(place.datasetId, place.table, newest), `‘${column.name}’ is deleted`),
    publish: (column) => change(column, (newest) => publishColumn(place.datasetId, place.table, newest), `All who read the study see ‘${column.name}’ now`),
    published: async (column) => {
      const [last] = await revisionsOf(place, column.id);
      return last?.verb === 'annotation.publish' ? last : null;
    },
    takeBack: (revision) => undo([revision]),
    setTerms: (column, changes, done) => change(column, (newest) => putColumnTerms(place.datasetId, place.table, newest, changes), done),
  };
}
