/** Users of this server, for administrators. */

import { useState } from 'react';
import { createUser, patchUser } from '../api/routes';
import type { User } from '../api/types';
import { ago } from '../data/words';
import { tellError } from '../state/notices';
import { keys, refresh, useServer, useSession, useUsers } from '../state/queries';
import { sendInTurn } from '../state/turns';
import { Button, Field } from '../views/controls';
import { FormDialog } from '../views/overlays';
import { Empty, Loaded } from '../views/states';

export function AdminPage() {
  const me = useSession().data?.user;
  const server = useServer().data;
  const query = useUsers(me?.is_admin ?? false);
  const [adding, setAdding] = useState(false);
  if (!me?.is_admin) return <Empty title="Only for administrators">Ask an administrator of this server.</Empty>;
  return (
    <div className="page">
      <header>
        <h1>Users</h1>
        <span className="muted small">Cytosol {server?.version}</span>
        <Button look="primary" icon="plus" onClick={() => setAdding(true)}>
          Add user
        </Button>
      </header>
      <div className="card">
        <Loaded query={query}>
          {(users) => (
            <table className="table">
              <thead>
                <tr>
                  <th>Name</th>
                  <th>E-mail</th>
                  <th>Role</th>
                  <th>Since</th>
                  <th><span className="hidden-label">Actions</span></th>
                </tr>
              </thead>
              <tbody>
                {users.map((user) => (
                  <UserRow key={user.id} user={user} isMe={user.id === me.id} />
                ))}
              </tbody>
            </table>
          )}
        </Loaded>
      </div>
      {adding && <AddUser onClose={() => setAdding(false)} />}
    </div>
  );
}

function UserRow({ user, isMe }: { user: User; isMe: boolean }) {
  const disabled = user.disabled ?? Boolean(user.disabled_at);
  const change = (json: { is_admin?: boolean; disabled?: boolean }) =>
    void sendInTurn(user, (newest) => patchUser(newest, json)).then(() => refresh(keys.users), tellError);
  return (
    <tr>
      <td>{user.name} {isMe && <span className="pill">you</span>}</td>
      <td>{user.email}</td>
      <td>{disabled ? <span className="pill bad">disabled</span> : user.is_admin ? <span className="pill busy">administrator</span> : 'member'}</td>
      <td className="muted">{ago(user.created_at)}</td>
      <td>
        {!isMe && (
          <span className="row" style={{ justifyContent: 'flex-end' }}>
            <Button small onClick={() => change({ is_admin: !user.is_admin })}>{user.is_admin ? 'Make member' : 'Make administrator'}</Button>
            <Button small look="danger" onClick={() => change({ disabled: !disabled })}>{disabled ? 'Enable' : 'Disable'}</Button>
          </span>
        )}
      </td>
    </tr>
  );
}

function AddUser({ onClose }: { onClose: () => void }) {
  const [form, setForm] = useState({ email: '', name: '', password: '', is_admin: false });
  return (
    <FormDialog title="Add user" verb="Add user" onClose={onClose} onSubmit={() => createUser(form).then(() => refresh(keys.users))}>
      <Field label="Name">
        <input className="input" required autoFocus value={form.name} onChange={(e) => setForm({ ...form, name: e.target.value })} />
      </Field>
      <Field label="E-mail">
        <input className="input" type="email" required value={form.email} onChange={(e) => setForm({ ...form, email: e.target.value })} />
      </Field>
      <Field label="First password" help="Hand it over in person; the user changes it under Account.">
        <input className="input" type="password" autoComplete="new-password" required minLength={8} value={form.password} onChange={(e) => setForm({ ...form, password: e.target.value })} />
      </Field>
      <label className="check">
        <input type="checkbox" checked={form.is_admin} onChange={(e) => setForm({ ...form, is_admin: e.target.checked })} /> Administrator
      </label>
    </FormDialog>
  );
}
