/** Files that were just made, with the way to their plots. */

import type { MadeFile } from '../../../api/fileNames';
import { count } from '../../../data/words';
import { Button } from '../../../views/controls';
import type { GatingState } from '../useGating';

export function MadeFiles({ state, made }: { state: GatingState; made: MadeFile[] }) {
  const keyOf = (id: string) => state.files.find((f) => f.dataset.id === id)?.key;
  return (
    <table className="table" aria-label="Files made">
      <thead><tr><th>New file</th><th className="num">Events</th><th className="num">Channels</th><th><span className="hidden-label">Actions</span></th></tr></thead>
      <tbody>
        {made.map((f) => {
          const key = keyOf(f.id);
          return (
            <tr key={f.id}>
              <td>{f.name}</td>
              <td className="num">{count(f.n_events)}</td>
              <td className="num">{count(f.panel.length)}</td>
              <td>{key && <Button small look="plain" aria-label={`See plots of ${f.name}`} onClick={() => state.go({ file: key, view: 'plots' })}>See plots</Button>}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
