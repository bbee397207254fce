/** The datasets of a study, and adding more. */

import { useState } from 'react';
import { deleteDataset, exportDataset, undeleteDataset } from '../../api/datasets';
import type { Dataset, Study } from '../../api/types';
import { count } from '../../data/words';
import { tell, tellError } from '../../state/notices';
import { keys, refresh, useDatasets, useSamples } from '../../state/queries';
import { useStore } from '../../state/store';
import { addUploads, uploadStore } from '../../state/uploads';
import { Button } from '../../views/controls';
import { useFileDrop } from '../../views/DropZone';
import { Link } from '../../views/Link';
import { Popover } from '../../views/overlays';
import { Empty, Loaded } from '../../views/states';
import { AddData } from './AddData';
import { SubsetOf } from './Lineage';
import { tablePath } from './StudyTree';

export function DataTab({ study }: { study: Study }) {
  const query = useDatasets(study.id);
  const pending = useStore(uploadStore).length > 0;
  const [opened, setOpened] = useState(false);
  const mayAdd = study.permissions.includes('file.upload');
  const { over, handlers } = useFileDrop(addUploads, !mayAdd);
  const adding = mayAdd && (opened || pending);
  const add = mayAdd && !adding && (
    <Button look="primary" icon="plus" onClick={() => setOpened(true)}>
      Add data
    </Button>
  );
  return (
    <div className={over ? 'stack drop-room over' : 'stack drop-room'} {...handlers}>
      {adding && (
        <section className="card" style={{ padding: 16 }} aria-label="Add data">
          <AddData studyId={study.id} onDone={() => setOpened(false)} />
        </section>
      )}
      <Loaded query={query}>
        {(datasets) =>
          datasets.length === 0 ? (
            adding ? null : (
              <div className="card">
                <Empty title="No data yet" action={add}>
                  Drop data here: AnnData (h5ad), 10x HDF5, 10x matrix folders, or a table as TSV or CSV; or FCS files.
                </Empty>
              </div>
            )
          ) : (
            <>
              <div className="row">{add}</div>
              <div className="card">
                <DatasetTable study={study} datasets={datasets} />
              </div>
            </>
          )
        }
      </Loaded>
    </div>
  );
}

function DatasetTable({ study, datasets }: { study: Study; datasets: Dataset[] }) {
  const samples = useSamples(study.id).data?.samples ?? [];
  return (
    <table className="table">
      <thead>
        <tr>
          <th>Dataset</th>
          <th>Sample</th>
          <th>Technology</th>
          <th>State</th>
          <th className="num">Cells</th>
          <th className="num">Features</th>
          <th><span className="hidden-label">Actions</span></th>
        </tr>
      </thead>
      <tbody>
        {datasets.map((dataset) => (
          <tr key={dataset.id}>
            <td className="name-cell">
              {dataset.tables.length ? <Link to={tablePath(study.id, dataset.id, dataset.tables[0].name)}>{dataset.name}</Link> : dataset.name}
              {dataset.lineage.parent_id && <div className="small muted"><SubsetOf study={study} dataset={dataset} /></div>}
              {dataset.notes.map((note, i) => <div key={i} className="small muted">{note}</div>)}
            </td>
            <td>{samples.find((s) => s.id === dataset.sample_id)?.name ?? '–'}</td>
            <td style={{ whiteSpace: 'nowrap' }}>{dataset.technology || '–'}</td>
            <td><span className={dataset.state === 'staging' ? 'pill busy' : 'pill good'}>{dataset.state === 'staging' ? 'being read' : 'ready'}</span></td>
            <td className="num">{count(dataset.n_cells)}</td>
            <td className="num">{count(dataset.tables[0]?.n_features)}</td>
            <td className="num"><DatasetMenu study={study} dataset={dataset} /></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const EXPORTS = [
  { format: 'h5ad', title: 'h5ad' },
  { format: 'zarr', title: 'AnnData-Zarr' },
  { format: 'rds', title: 'Seurat (.rds)' },
];

function DatasetMenu({ study, dataset }: { study: Study; dataset: Dataset }) {
  const again = () => refresh(keys.datasets(study.id), keys.study(study.id));
  const remove = () =>
    deleteDataset(dataset).then(() => {
      void again();
      tell(`‘${dataset.name}’ is in the trash`, {
        label: 'Bring back',
        run: () => void undeleteDataset({ ...dataset, version: dataset.version + 1 }).then(again, tellError),
      });
    }, tellError);
  return (
    <Popover label={`Actions for ${dataset.name}`} icon="more" small look="plain" menu>
      {(close) => (
        <>
          {EXPORTS.map(({ format, title }) => (
            <Button
              key={format}
              look="plain"
              small
              icon="download"
              disabled={dataset.tables.length === 0 || !study.permissions.includes('export')}
              onClick={() => {
                close();
                exportDataset(dataset.id, format).then(() => {
                  tell('The file is being made; download it under Jobs when it is done');
                  return refresh(keys.jobs);
                }, tellError);
              }}
            >
              Export as {title}
            </Button>
          ))}
          <Button look="plain" small icon="trash" disabled={!study.permissions.includes('study.edit')} onClick={() => { close(); void remove(); }}>
            Delete
          </Button>
        </>
      )}
    </Popover>
  );
}
