/** All studies that the user may see, with search, and a new one. */

import { useDeferredValue, useEffect, useRef, useState } from 'react';
import { createStudy } from '../api/routes';
import type { Study } from '../api/types';
import { ago, count } from '../data/words';
import { offerShortcuts } from '../state/keyboard';
import { keys, refresh, useStudies } from '../state/queries';
import { navigate } from '../state/route';
import { Button, Field } from '../views/controls';
import { Link } from '../views/Link';
import { FormDialog } from '../views/overlays';
import { Empty, Loaded } from '../views/states';

export function StudiesPage() {
  const [search, setSearch] = useState('');
  const [making, setMaking] = useState(false);
  const query = useStudies(useDeferredValue(search));
  const box = useRef<HTMLInputElement>(null);
  useEffect(
    () =>
      offerShortcuts([
        { keys: '/', title: 'Search studies', run: () => box.current?.focus() },
        { keys: 'n', title: 'New study', run: () => setMaking(true) },
      ]),
    [],
  );
  const newStudy = (
    <Button look="primary" icon="plus" onClick={() => setMaking(true)}>
      New study
    </Button>
  );
  return (
    <div className="page">
      <header>
        <h1>Studies</h1>
        <input ref={box} className="input" style={{ width: 280 }} type="search" aria-label="Search studies" placeholder="Search by name, species, owner" value={search} onChange={(e) => setSearch(e.target.value)} />
        {newStudy}
      </header>
      <div className="card">
        <Loaded query={query}>
          {(studies) =>
            studies.length ? (
              <StudyTable studies={studies} />
            ) : search ? (
              <Empty title={`No study matches ‘${search}’`} action={<Button onClick={() => setSearch('')}>Show all studies</Button>} />
            ) : (
              <Empty title="No studies yet" action={newStudy}>
                A study holds your samples and the data measured from them. Make one, then drop your files on it.
              </Empty>
            )
          }
        </Loaded>
      </div>
      {making && <NewStudy onClose={() => setMaking(false)} />}
    </div>
  );
}

function StudyTable({ studies }: { studies: Study[] }) {
  return (
    <table className="table">
      <thead>
        <tr>
          <th>Name</th>
          <th>Species</th>
          <th>Technology</th>
          <th>Owner</th>
          <th className="num">Datasets</th>
          <th className="num">Cells</th>
          <th className="num">Modified</th>
        </tr>
      </thead>
      <tbody>
        {studies.map((study) => (
          <tr key={study.id} onClick={() => navigate(`studies/${study.id}`)} style={{ cursor: 'pointer' }}>
            <td style={{ maxWidth: 380 }}>
              <Link to={`studies/${study.id}`} onClick={(e) => e.stopPropagation()}>
                {study.name}
              </Link>
              {study.display_id && study.display_id !== study.id && <span className="muted mono"> {study.display_id}</span>}
              {study.description && <div className="small muted cut">{study.description}</div>}
            </td>
            <td>{study.species || '–'}</td>
            <td>{study.technologies?.join(', ') || '–'}</td>
            <td>{study.owner?.name || study.owner?.email || '–'}</td>
            <td className="num">{count(study.n_datasets)}</td>
            <td className="num">{count(study.n_cells)}</td>
            <td className="num muted" title={study.updated_at}>{ago(study.updated_at)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const SPECIES = ['human', 'mouse', 'rat', 'zebrafish', 'non-human primate', 'other'];

function NewStudy({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [species, setSpecies] = useState('human');
  const [description, setDescription] = useState('');
  return (
    <FormDialog
      title="New study"
      verb="Make study"
      onClose={onClose}
      onSubmit={async () => {
        const study = await createStudy({ name: name.trim(), species, description });
        await refresh(keys.studies);
        navigate(`studies/${study.id}`);
      }}
    >
      <Field label="Name">
        <input className="input" required autoFocus value={name} onChange={(e) => setName(e.target.value)} placeholder="PBMC of healthy donors" />
      </Field>
      <Field label="Species">
        <input className="input" list="species" value={species} onChange={(e) => setSpecies(e.target.value)} />
        <datalist id="species">
          {SPECIES.map((s) => (
            <option key={s} value={s} />
          ))}
        </datalist>
      </Field>
      <Field label="Description" help="What was measured, and why. Everybody with access reads it.">
        <textarea className="input" rows={3} value={description} onChange={(e) => setDescription(e.target.value)} />
      </Field>
    </FormDialog>
  );
}
