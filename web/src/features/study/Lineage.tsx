/** Where a subset comes from, and which subsets were made of a dataset. */

import type { Dataset, Study } from '../../api/types';
import { selectionText } from '../../data/selections';
import { cells } from '../../data/words';
import { useDatasets } from '../../state/queries';
import { Link } from '../../views/Link';
import { tablePath } from './StudyTree';

function DatasetLink({ study, dataset }: { study: Study; dataset: Dataset }) {
  const table = dataset.tables[0];
  return table ? <Link to={tablePath(study.id, dataset.id, table.name)}>{dataset.name}</Link> : <span>{dataset.name}</span>;
}

const isDrawn = (selection: unknown) => typeof selection === 'object' && selection !== null && 'cells' in selection;

/** 'Subset of PBMC: 129 cells, CD14+ Monocyte'; nothing for other datasets. */
export function SubsetOf({ study, dataset }: { study: Study; dataset: Dataset }) {
  const { parent_id, selection, n_cells } = dataset.lineage;
  const parent = useDatasets(study.id).data?.find((d) => d.id === parent_id);
  if (!parent_id) return null;
  return (
    <>
      Subset of {parent ? <DatasetLink study={study} dataset={parent} /> : 'a dataset that is no longer here'}: {cells(n_cells)}, {isDrawn(selection) ? 'selected in the plot' : selectionText(selection)}
    </>
  );
}

export function LineagePanel({ study, dataset }: { study: Study; dataset: Dataset }) {
  const subsets = (useDatasets(study.id).data ?? []).filter((d) => d.lineage.parent_id === dataset.id);
  if (!dataset.lineage.parent_id && subsets.length === 0) return null;
  return (
    <section className="panel" aria-label="Lineage">
      <header><h2>Lineage</h2></header>
      {dataset.lineage.parent_id && <p className="small"><SubsetOf study={study} dataset={dataset} /></p>}
      {subsets.length > 0 && (
        <div className="small">
          <p className="muted">Subsets made of it</p>
          {subsets.map((d) => <p key={d.id} className="cut"><DatasetLink study={study} dataset={d} /> <span className="muted">{d.n_cells === null ? 'being made' : cells(d.n_cells)}</span></p>)}
        </div>
      )}
    </section>
  );
}
