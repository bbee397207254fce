/** What was changed in a study, each undone with a click; and what was deleted. */

import { goBackTo, undoRevision } from '../../api/routes';
import type { Revision, Study } from '../../api/types';
import { verbText } from '../../data/verbs';
import { ago } from '../../data/words';
import { tell, tellError } from '../../state/notices';
import { keys, refresh, useRevisions, useSession } from '../../state/queries';
import { Button } from '../../views/controls';
import { Empty, Loaded } from '../../views/states';
import { DeletedDatasets } from '../TrashPage';

/** Undo, then read afresh whatever may have changed. */
export function undo(studyId: string, revision: Pick<Revision, 'id'>): void {
  undoRevision(revision.id).then(() => reread(studyId, 'Undone'), tellError);
}

/** Bring the whole study back to a mark, then read it afresh. */
function goBack(studyId: string, mark: Revision): void {
  goBackTo(mark.id).then(() => reread(studyId, `The study is as it was at ‘${mark.label}’`), tellError);
}

function reread(studyId: string, said: string) {
  tell(said);
  return refresh(keys.revisions(studyId), keys.samples(studyId), keys.datasets(studyId), keys.study(studyId), ['dataset']);
}

export function History({ study }: { study: Study }) {
  const studyId = study.id;
  const me = useSession().data?.user.id;
  const mayEdit = study.permissions.includes('study.edit');
  // annotations that only they see are changed by readers too
  const mayUndo = (revision: Revision) => mayEdit || (me !== undefined && revision.actor?.id === me);
  const query = useRevisions(studyId);
  return (
    <div className="stack" style={{ maxWidth: 820 }}>
      <div className="card">
        <Loaded query={query}>
          {(revisions) =>
            revisions.length === 0 ? (
              <Empty title="No changes yet">Changes of samples and annotations stand here, and can be undone.</Empty>
            ) : (
              <table className="table">
                <tbody>
                  {revisions.map((revision) => (
                    <tr key={revision.id}>
                      <td>{revision.label || verbText(revision.verb)}</td>
                      <td className="muted">{revision.actor?.name ?? ''}</td>
                      <td className="num muted">{ago(revision.created_at)}</td>
                      <td className="num" style={{ width: 110 }}>
                        {revision.verb === 'study.mark' ? (
                          <Button small icon="undo" disabled={!mayUndo(revision)} onClick={() => goBack(studyId, revision)}>Go back</Button>
                        ) : revision.undone_at ? (
                          <span className="pill">undone</span>
                        ) : (
                          <Button small icon="undo" disabled={!mayUndo(revision)} onClick={() => undo(studyId, revision)}>Undo</Button>
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )
          }
        </Loaded>
      </div>
      {mayEdit && (
        <>
          <h2>Deleted datasets</h2>
          <DeletedDatasets studyId={studyId} />
        </>
      )}
    </div>
  );
}
