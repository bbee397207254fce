/** One study: its tree at the left, and what is chosen in the middle. */

import { useEffect, useState } from 'react';
import { deleteStudy, patchStudy, undeleteStudy } from '../../api/routes';
import type { Study } from '../../api/types';
import { cells } from '../../data/words';
import { leaving } from '../../state/live';
import { tell, tellError } from '../../state/notices';
import { keys, queryClient, refresh, useJobs, useStudy } from '../../state/queries';
import { navigate } from '../../state/route';
import { Button, Field } from '../../views/controls';
import { FormDialog, Popover } from '../../views/overlays';
import { later } from '../../views/later';
import { Empty, Loaded } from '../../views/states';
import { JobTable } from '../JobsPage';
import { DataTab } from './DataTab';
import { History } from './History';
import { SampleTable } from './SampleTable';
import { Sharing } from './Sharing';
import { StudyTree } from './StudyTree';

// The plot is the largest part of the page: it comes when a table is opened.
const Explorer = later(() => import('../explorer/Explorer'));
const Gating = later(() => import('../gating/GatingPage'), 10);

const TABS = [
  { name: 'data', label: 'Data' },
  { name: 'gating', label: 'Gating' },
  { name: 'samples', label: 'Samples' },
  { name: 'jobs', label: 'Jobs' },
  { name: 'sharing', label: 'Sharing' },
  { name: 'history', label: 'History' },
];

export function StudyPage({ id, rest }: { id: string; rest: string[] }) {
  const query = useStudy(id);
  const isGating = rest[0] === 'gating';
  // it comes while the study is asked for
  useEffect(() => {
    if (isGating) void Gating.fetch().catch(() => undefined);
  }, [isGating]);
  const table = rest[0] === 'tables' && rest.length >= 3 ? { dataset: rest[1], name: rest[2] } : null;
  return (
    <Loaded query={query} rows={8}>
      {(study) => isGating ? (
        <Gating.Part study={study} />
      ) : (
        <div className="study">
          <StudyTree study={study} here={table ? `${table.dataset}/${table.name}` : ''} />
          <div className="content">
            {table ? (
              <Explorer.Part key={`${table.dataset}/${table.name}`} study={study} datasetId={table.dataset} tableName={table.name} />
            ) : (
              <Overview study={study} tab={TABS.some((t) => t.name === rest[0]) ? rest[0] : 'data'} />
            )}
          </div>
        </div>
      )}
    </Loaded>
  );
}

function Overview({ study, tab }: { study: Study; tab: string }) {
  const facts = [study.species, study.technologies?.join(', '), cells(study.n_cells), study.authors?.join(', ')].filter(Boolean);
  return (
    <div className="page wide">
      <header>
        <div className="grow">
          <h1>{study.name}</h1>
          <p className="muted">{facts.join(' · ')}</p>
        </div>
        <StudyMenu study={study} />
      </header>
      {study.description && <p style={{ maxWidth: '80ch' }}>{study.description}</p>}
      <div className="tabs" role="tablist" aria-label="Parts of the study">
        {TABS.map((t) => (
          <button key={t.name} type="button" role="tab" aria-selected={tab === t.name} onClick={() => navigate(`studies/${study.id}/${t.name}`)}>
            {t.label}
          </button>
        ))}
      </div>
      {tab === 'data' && <DataTab study={study} />}
      {tab === 'samples' && <SampleTable study={study} />}
      {tab === 'jobs' && <StudyJobs id={study.id} />}
      {tab === 'sharing' && <Sharing study={study} />}
      {tab === 'history' && <History study={study} />}
    </div>
  );
}

function StudyJobs({ id }: { id: string }) {
  const query = useJobs(id);
  return (
    <div className="card">
      <Loaded query={query}>
        {(jobs) =>
          jobs.length ? (
            <JobTable jobs={jobs} />
          ) : (
            <Empty title="No jobs in this study" action={<Button onClick={() => navigate(`studies/${id}/data`)}>Add data</Button>}>
              Adding data and exports run as jobs; you follow them here.
            </Empty>
          )
        }
      </Loaded>
    </div>
  );
}

function StudyMenu({ study }: { study: Study }) {
  const [editing, setEditing] = useState(false);
  const remove = () => {
    leaving.add(study.id);
    return deleteStudy(study).then(() => {
      navigate('studies');
      // brought back, it has another version
      queryClient.removeQueries({ queryKey: keys.study(study.id) });
      void refresh(keys.studies);
      tell(`‘${study.name}’ is in the trash`, {
        label: 'Bring back',
        run: () => void undeleteStudy({ ...study, version: study.version + 1 }).then(() => refresh(keys.studies), tellError),
      });
    }, tellError).finally(() => leaving.delete(study.id));
  };
  return (
    <>
      <Button disabled={!study.permissions.includes('study.edit')} onClick={() => setEditing(true)}>Edit study</Button>
      <Popover label="More actions for this study" icon="more" menu>
        {(close) => (
          <Button look="plain" small icon="trash" disabled={!study.permissions.includes('study.delete')} onClick={() => { close(); void remove(); }}>
            Delete study
          </Button>
        )}
      </Popover>
      {editing && <EditStudy study={study} onClose={() => setEditing(false)} />}
    </>
  );
}

function EditStudy({ study, onClose }: { study: Study; onClose: () => void }) {
  const [form, setForm] = useState({
    name: study.name,
    species: study.species,
    description: study.description,
    authors: (study.authors ?? []).join(', '),
  });
  const edit = (name: keyof typeof form) => (e: { target: { value: string } }) => setForm({ ...form, [name]: e.target.value });
  return (
    <FormDialog
      title="Edit study"
      verb="Save study"
      onClose={onClose}
      onSubmit={async () => {
        const authors = form.authors.split(',').map((a) => a.trim()).filter(Boolean);
        await patchStudy(study, { ...form, authors });
        await refresh(keys.study(study.id), keys.studies);
      }}
    >
      <Field label="Name"><input className="input" required value={form.name} onChange={edit('name')} /></Field>
      <Field label="Species"><input className="input" value={form.species} onChange={edit('species')} /></Field>
      <Field label="Authors" help="Separated by commas."><input className="input" value={form.authors} onChange={edit('authors')} /></Field>
      <Field label="Description"><textarea className="input" rows={4} value={form.description} onChange={edit('description')} /></Field>
    </FormDialog>
  );
}
