/** Why some files have no value, and which of several channels a value is of: one line a reason, with its files. */

import type { StatisticsNote } from '../../../api/gating';
import { plural } from '../../../data/words';
import { namesOf } from '../ordering';
import type { GatingState } from '../useGating';

const MOST = 5;

export function RowNotes({ state, notes = [] }: { state: GatingState; notes?: StatisticsNote[] }) {
  const found = new Map<string, Set<string>>();
  for (const { note, dataset_id: id } of notes) found.set(note, (found.get(note) ?? new Set()).add(id));
  if (!found.size) return null;
  const lines = [...found].map(([text, ids]) => ({ text, files: state.files.filter((f) => ids.has(f.dataset.id)) }));
  return (
    <div className="small muted row-notes" role="note" aria-label="Notes on values">
      {lines.slice(0, MOST).map(({ text, files }) => <p key={text} title={files.map((f) => f.name).join(', ')}>{files.some((f) => text.includes(f.name)) ? text : `${text}: ${namesOf(files)}`}</p>)}
      {lines.length > MOST && <p>{plural(lines.length - MOST, 'more note is', 'more notes are')} in the table when it is saved.</p>}
    </div>
  );
}
