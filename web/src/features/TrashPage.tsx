/** What was deleted and can still come back. */

import { undeleteDataset } from '../api/datasets';
import { undeleteStudy } from '../api/routes';
import { ago } from '../data/words';
import { tell, tellError } from '../state/notices';
import { keys, refresh, useDeletedDatasets, useStudies } from '../state/queries';
import { Button } from '../views/controls';
import { Link } from '../views/Link';
import { Empty, Loaded } from '../views/states';

export function TrashPage() {
  const query = useStudies('', true);
  return (
    <div className="page">
      <header>
        <h1>Trash</h1>
      </header>
      <div className="card">
        <Loaded query={query}>
          {(studies) =>
            studies.length === 0 ? (
              <Empty title="The trash is empty" action={<Link className="button" to="studies">Go to studies</Link>}>
                Studies that you delete wait here, so that a slip of the hand costs nothing.
              </Empty>
            ) : (
              <table className="table">
                <thead>
                  <tr>
                    <th>Study</th>
                    <th>Owner</th>
                    <th>Deleted</th>
                    <th><span className="hidden-label">Actions</span></th>
                  </tr>
                </thead>
                <tbody>
                  {studies.map((study) => (
                    <tr key={study.id}>
                      <td>{study.name}</td>
                      <td>{study.owner?.name ?? '–'}</td>
                      <td className="muted">{ago(study.deleted_at)}</td>
                      <td className="num">
                        <Button
                          small
                          onClick={() =>
                            void undeleteStudy(study).then(() => {
                              tell(`‘${study.name}’ is back`);
                              return refresh(keys.studies);
                            }, tellError)
                          }
                        >
                          Bring back
                        </Button>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )
          }
        </Loaded>
      </div>
    </div>
  );
}

/** The deleted datasets of one study. */
export function DeletedDatasets({ studyId }: { studyId: string }) {
  const query = useDeletedDatasets(studyId, true);
  const gone = (query.data ?? []).filter((dataset) => dataset.deleted_at);
  if (gone.length === 0) return <p className="muted">Nothing deleted.</p>;
  return (
    <>
      {gone.map((dataset) => (
        <div className="spread" key={dataset.id}>
          <span className="cut">{dataset.name}</span>
          <Button
            small
            onClick={() =>
              void undeleteDataset(dataset).then(() => refresh(keys.datasets(studyId), keys.study(studyId)), tellError)
            }
          >
            Bring back
          </Button>
        </div>
      ))}
    </>
  );
}
