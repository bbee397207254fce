/** Storages: mounted folders and buckets, and what lies in them. */

import { useState } from 'react';
import { createStorage, deleteStorage } from '../api/routes';
import type { Storage } from '../api/types';
import { ago, bytes } from '../data/words';
import { keys, refresh, useEntries, useSession, useStorages } from '../state/queries';
import { Button, Field, Icon } from '../views/controls';
import { FormDialog } from '../views/overlays';
import { Empty, Loaded } from '../views/states';

export function StoragesPage() {
  const query = useStorages();
  const [adding, setAdding] = useState(false);
  const [openId, setOpenId] = useState<string | null>(null);
  const add = (
    <Button look="primary" icon="plus" onClick={() => setAdding(true)}>
      Add storage
    </Button>
  );
  return (
    <div className="page">
      <header>
        <h1>Storages</h1>
        {add}
      </header>
      <Loaded query={query}>
        {(storages) =>
          storages.length === 0 ? (
            <div className="card">
              <Empty title="No storages yet" action={add}>
                A storage is a folder of the server or a bucket whose files you can browse and add to a study without uploading them.
              </Empty>
            </div>
          ) : (
            storages.map((storage) => (
              <section className="card" key={storage.id}>
                <div className="spread" style={{ padding: 12 }}>
                  <button type="button" className="button plain" aria-expanded={openId === storage.id} onClick={() => setOpenId(openId === storage.id ? null : storage.id)}>
                    <Icon name="storages" /> {storage.name}
                  </button>
                  <span className="row">
                    <span className="pill">{storage.kind === 's3' ? 'bucket' : 'folder'}</span>
                    <RemoveStorage storage={storage} />
                  </span>
                </div>
                {openId === storage.id && <Browser storageId={storage.id} />}
              </section>
            ))
          )
        }
      </Loaded>
      {adding && <AddStorage onClose={() => setAdding(false)} />}
    </div>
  );
}

function RemoveStorage({ storage }: { storage: Storage }) {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button small look="plain" icon="trash" label={`Remove ${storage.name}`} onClick={() => setAsking(true)} />
      {asking && (
        <FormDialog title={`Remove ‘${storage.name}’?`} verb="Remove storage" danger onClose={() => setAsking(false)} onSubmit={() => deleteStorage(storage).then(() => refresh(keys.storages))}>
          <p>Its files stay where they are. Datasets made from them keep their own copy of the values.</p>
        </FormDialog>
      )}
    </>
  );
}

function AddStorage({ onClose }: { onClose: () => void }) {
  const isAdmin = useSession().data?.user.is_admin ?? false;
  const [name, setName] = useState('');
  const [kind, setKind] = useState<'folder' | 's3'>(isAdmin ? 'folder' : 's3');
  const [location, setLocation] = useState('');
  return (
    <FormDialog title="Add storage" verb="Add storage" onClose={onClose} onSubmit={() => createStorage({ name, kind, location }).then(() => refresh(keys.storages))}>
      <Field label="Name">
        <input className="input" required autoFocus value={name} onChange={(e) => setName(e.target.value)} />
      </Field>
      <Field label="Kind" help={isAdmin ? undefined : 'Only an administrator can mount a folder of the server.'}>
        <select className="input" value={kind} onChange={(e) => setKind(e.target.value as 'folder' | 's3')}>
          {isAdmin && <option value="folder">Folder of the server</option>}
          <option value="s3">Bucket (S3)</option>
        </select>
      </Field>
      <Field label={kind === 'folder' ? 'Path on the server' : 'Address of the bucket'}>
        <input className="input mono" required value={location} placeholder={kind === 'folder' ? '/data/sequencing' : 's3://bucket/prefix'} onChange={(e) => setLocation(e.target.value)} />
      </Field>
    </FormDialog>
  );
}

/** Browse a storage; with `onPick` its files can be ticked. */
export function Browser({ storageId, picked, onPick }: { storageId: string; picked?: ReadonlySet<string>; onPick?: (path: string) => void }) {
  const [path, setPath] = useState('');
  const query = useEntries(storageId, path);
  const crumbs = path.split('/').filter(Boolean);
  const join = (name: string) => (path ? `${path.replace(/\/$/, '')}/${name}` : name);
  return (
    <div style={{ padding: '0 12px 12px' }}>
      <nav className="row wrap" aria-label="Folder">
        <Button small look="plain" onClick={() => setPath('')}>All files</Button>
        {crumbs.map((name, i) => (
          <Button key={i} small look="plain" onClick={() => setPath(crumbs.slice(0, i + 1).join('/'))}>
            / {name}
          </Button>
        ))}
      </nav>
      <Loaded query={query} rows={3}>
        {(entries) =>
          entries.length === 0 ? (
            <p className="muted" style={{ padding: 12 }}>This folder is empty.</p>
          ) : (
            <div style={{ maxHeight: 340, overflow: 'auto' }}>
              <table className="table">
                <tbody>
                  {entries.map((entry) => (
                    <tr key={entry.name}>
                      <td>
                        {entry.is_folder ? (
                          <Button small look="plain" icon="folder" onClick={() => setPath(join(entry.name.replace(/\/$/, '')))}>
                            {entry.name}
                          </Button>
                        ) : onPick ? (
                          <label className="check">
                            <input type="checkbox" checked={picked?.has(join(entry.name)) ?? false} onChange={() => onPick(join(entry.name))} />
                            {entry.name}
                          </label>
                        ) : (
                          <span className="row"><Icon name="file" /> {entry.name}</span>
                        )}
                      </td>
                      <td className="num muted">{entry.is_folder ? '' : bytes(entry.size)}</td>
                      <td className="num muted">{entry.modified_at ? ago(entry.modified_at) : ''}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Loaded>
    </div>
  );
}

