/** Changing annotations on the server: every change is a revision, so every change offers to be undone. */

import { createColumn, createColumnsFromArrow, deleteColumn, patchColumn } from '../../api/datasets';
import { listRevisions, undoRevision } from '../../api/routes';
import type { ColumnPatch, ColumnRecord } from '../../api/types';
import { encodeAnnotation } from '../../data/arrow';
import { tell, tellError } from '../../state/notices';
import { keys, refresh } from '../../state/queries';

export interface Population {
  name: string;
  color: string;
  cells: Uint32Array;
}

export interface AnnotationActions {
  create: (name: string, populations: Population[]) => Promise<void>;
  patch: (column: ColumnRecord, patch: ColumnPatch, done: string) => Promise<void>;
  remove: (column: ColumnRecord) => Promise<void>;
}

/** Above this many cells an annotation travels as Arrow, where it takes few bytes per cell, not as JSON. */
const JSON_CELLS = 100_000;

interface Place {
  studyId: string;
  datasetId: string;
  table: string;
  nCells: number;
}

async function save(place: Place, name: string, populations: Population[]): Promise<void> {
  const total = populations.reduce((sum, p) => sum + p.cells.length, 0);
  if (total <= JSON_CELLS) {
    const categories = populations.map((p) => ({ name: p.name, color: p.color, cells: Array.from(p.cells) }));
    await createColumn(place.datasetId, place.table, { name, categories });
    return;
  }
  const made = await createColumnsFromArrow(place.datasetId, place.table, encodeAnnotation(name, populations, place.nCells));
  const colors = Object.fromEntries(populations.map((p) => [p.name, p.color]));
  await patchColumn(place.datasetId, place.table, made.columns[0], { colors });
}

export function annotationActions(place: Place): AnnotationActions {
  const again = () => refresh(keys.dataset(place.datasetId), keys.datasets(place.studyId), keys.revisions(place.studyId));
  const undoNewest = async () => {
    try {
      const revision = (await listRevisions(place.studyId)).find((r) => !r.undone_at);
      if (!revision) return;
      await undoRevision(revision.id);
      tell(`Undone: ${revision.label || revision.verb}`);
      await again();
    } catch (error) {
      tellError(error);
    }
  };
  const tellDone = (text: string) => tell(text, { label: 'Undo', run: () => void undoNewest() });
  return {
    create: async (name, populations) => {
      await save(place, name, populations);
      await again();
      tellDone(`‘${name}’ is saved`);
    },
    patch: async (column, patch, done) => {
      try {
        await patchColumn(place.datasetId, place.table, column, patch);
        tellDone(done);
      } catch (error) {
        tellError(error);
      }
      await again();
    },
    remove: async (column) => {
      try {
        await deleteColumn(place.datasetId, place.table, column);
        tellDone(`‘${column.name}’ is deleted`);
      } catch (error) {
        tellError(error);
      }
      await again();
    },
  };
}
