/** The tree of a study: samples, the datasets measured from them, their tables. */

import type { Dataset, Sample, Study } from '../../api/types';
import { count } from '../../data/words';
import { useDatasets, useSamples } from '../../state/queries';
import { Icon } from '../../views/controls';
import { Link } from '../../views/Link';

export const tablePath = (studyId: string, datasetId: string, table: string) =>
  `studies/${studyId}/tables/${datasetId}/${encodeURIComponent(table)}`;

export function StudyTree({ study, here }: { study: Study; here: string }) {
  const datasets = useDatasets(study.id).data ?? [];
  const samples = useSamples(study.id).data?.samples ?? [];
  const withData = samples.filter((sample) => datasets.some((d) => d.sample_id === sample.id));
  const free = datasets.filter((d) => !withData.some((s) => s.id === d.sample_id));
  return (
    <nav className="tree" aria-label="Contents of the study">
      <Link className="node title" to={`studies/${study.id}`} aria-current={here === '' ? 'page' : undefined}>
        <span className="cut">{study.name}</span>
      </Link>
      {withData.map((sample) => (
        <SampleNode key={sample.id} studyId={study.id} sample={sample} datasets={datasets.filter((d) => d.sample_id === sample.id)} here={here} />
      ))}
      {free.length > 0 && <div className="group">{withData.length ? 'Of no single sample' : 'Datasets'}</div>}
      {free.map((dataset) => <DatasetNode key={dataset.id} studyId={study.id} dataset={dataset} here={here} depth={0} />)}
      {datasets.length === 0 && <p className="muted small" style={{ padding: '4px 8px' }}>No data yet. Add some under Data.</p>}
    </nav>
  );
}

function SampleNode({ studyId, sample, datasets, here }: { studyId: string; sample: Sample; datasets: Dataset[]; here: string }) {
  return (
    <>
      <div className="node" style={{ color: 'var(--ink-2)' }}>
        <Icon name="sample" size={14} /> <span className="cut">{sample.name}</span>
      </div>
      {datasets.map((dataset) => <DatasetNode key={dataset.id} studyId={studyId} dataset={dataset} here={here} depth={1} />)}
    </>
  );
}

function DatasetNode({ studyId, dataset, here, depth }: { studyId: string; dataset: Dataset; here: string; depth: number }) {
  const indent = (extra: number) => ({ paddingLeft: 8 + (depth + extra) * 14 });
  const only = dataset.tables.length === 1 ? dataset.tables[0] : null;
  const name = <span className="cut" title={dataset.name}>{dataset.name}</span>;
  const side = <span className="muted">{dataset.state === 'staging' ? 'being read' : count(dataset.n_cells)}</span>;
  if (only) {
    const path = tablePath(studyId, dataset.id, only.name);
    return (
      <Link className="node" style={indent(0)} to={path} aria-current={here === `${dataset.id}/${only.name}` ? 'page' : undefined}>
        <Icon name="table" size={14} /> {name} {side}
      </Link>
    );
  }
  return (
    <>
      <div className="node" style={indent(0)}>
        <Icon name="file" size={14} /> {name} {side}
      </div>
      {dataset.tables.map((table) => (
        <Link key={table.name} className="node" style={indent(1)} to={tablePath(studyId, dataset.id, table.name)} aria-current={here === `${dataset.id}/${table.name}` ? 'page' : undefined}>
          <Icon name="table" size={14} /> <span className="cut">{table.name}</span> <span className="muted">{count(table.n_cells)}</span>
        </Link>
      ))}
    </>
  );
}
