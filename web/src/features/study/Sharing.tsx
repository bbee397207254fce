/** Who may see and change a study. */

import { useState } from 'react';
import { putGrants } from '../../api/routes';
import type { Grant, Principal, Role, Study } from '../../api/types';
import { tell, tellError } from '../../state/notices';
import { keys, refresh, useGrants, useGroups, useSession, useUsers } from '../../state/queries';
import { Button, Icon } from '../../views/controls';
import { Loaded } from '../../views/states';

const ROLES: { value: Role; label: string; help: string }[] = [
  { value: 'limited_reader', label: 'Viewer', help: 'sees data and plots' },
  { value: 'reader', label: 'Reader', help: 'also downloads and exports' },
  { value: 'editor', label: 'Editor', help: 'also adds data and annotates' },
  { value: 'owner', label: 'Owner', help: 'also shares and deletes' },
];

const BUILTIN: Record<string, string> = { all_members: 'Everybody with an account', public: 'Everybody, without signing in' };
const BY_EMAIL = 'email:';
const idOf = (p: Principal) => `${p.kind}:${p.id ?? p.name}`;
const isSame = (a: Principal, b: Principal) => a.kind === b.kind && (a.id && b.id ? a.id === b.id : a.name === b.name);

export function Sharing({ study }: { study: Study }) {
  const mayShare = study.permissions.includes('member.manage');
  const query = useGrants(study.id, mayShare);
  const isAdmin = useSession().data?.user.is_admin ?? false;
  const users = useUsers(isAdmin).data ?? [];
  const groups = useGroups().data ?? [];
  const [principal, setPrincipal] = useState('');
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>('reader');
  const [isSaving, setIsSaving] = useState(false);
  // one change at a time: the list is sent whole, for the version of the study
  const save = (items: Grant[]) => {
    setIsSaving(true);
    void putGrants(study, items.map((g) => ({ principal: clean(g.principal), role: g.role })))
      .then(() => tell('Access changed'), tellError)
      .then(() => refresh(keys.grants(study.id), keys.study(study.id)))
      .finally(() => setIsSaving(false));
  };
  const nameOf = (p: Principal) =>
    p.kind === 'builtin'
      ? (BUILTIN[p.name ?? ''] ?? p.name)
      : p.name || (p.kind === 'user' ? users.find((u) => u.id === p.id)?.name : groups.find((g) => g.id === p.id)?.name) || p.id;
  const choices = [
    { value: BY_EMAIL, label: 'A person by e-mail…' },
    ...users.map((u) => ({ value: `user:${u.id}`, label: `${u.name} (${u.email})` })),
    ...groups.map((g) => ({ value: `group:${g.id}`, label: `${g.name} (group)` })),
    ...Object.entries(BUILTIN).map(([name, label]) => ({ value: `builtin:${name}`, label })),
  ];
  return (
    <div className="stack" style={{ maxWidth: 720 }}>
      <p className="muted">
        {study.owner ? `${study.owner.name || study.owner.email} owns this study. ` : ''}Rights given on its folder hold as well.
      </p>
      {!mayShare && <p>Only its owners see and change who else has access.</p>}
      {mayShare && <div className="card">
        <Loaded query={query} rows={3}>
          {(grants) => (
            <table className="table">
              <tbody>
                {grants.length === 0 && (
                  <tr>
                    <td className="muted">Shared with nobody else.</td>
                  </tr>
                )}
                {grants.map((grant) => (
                  <tr key={idOf(grant.principal)}>
                    <td>
                      <span className="row"><Icon name="person" /> {nameOf(grant.principal)}</span>
                    </td>
                    <td style={{ width: 260 }}>
                      <RoleSelect label={`Role of ${nameOf(grant.principal)}`} value={grant.role} disabled={isSaving} onChange={(next) => save(grants.map((g) => (g === grant ? { ...g, role: next } : g)))} />
                    </td>
                    <td style={{ width: 100 }} className="num">
                      {mayShare && <Button small disabled={isSaving} onClick={() => save(grants.filter((g) => g !== grant))}>Remove</Button>}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </Loaded>
      </div>}
      {mayShare && (
        <form
          className="row"
          onSubmit={(event) => {
            event.preventDefault();
            const added = parse(principal, email);
            save([...(query.data ?? []).filter((g) => !isSame(g.principal, added)), { principal: added, role }]);
            setPrincipal('');
            setEmail('');
          }}
        >
          <select className="input" aria-label="Who" value={principal} onChange={(e) => setPrincipal(e.target.value)}>
            <option value="">Choose a person or group</option>
            {choices.map((c) => <option key={c.value} value={c.value}>{c.label}</option>)}
          </select>
          {principal === BY_EMAIL && <input className="input" type="email" required autoFocus aria-label="E-mail of the person" placeholder="name@example.org" value={email} onChange={(e) => setEmail(e.target.value)} />}
          <div style={{ flex: '0 0 250px' }}>
            <RoleSelect large label="Role" value={role} onChange={setRole} />
          </div>
          <Button type="submit" look="primary" disabled={!principal || !query.data || isSaving}>Share</Button>
        </form>
      )}
    </div>
  );
}

function parse(value: string, email: string): Principal {
  if (value === BY_EMAIL) return { kind: 'user', name: email.trim() };
  const [kind, rest] = [value.slice(0, value.indexOf(':')), value.slice(value.indexOf(':') + 1)];
  return kind === 'builtin' ? { kind, name: rest } : { kind: kind === 'group' ? 'group' : 'user', id: rest };
}

/** Only what names the principal: the server refuses more. */
const clean = (p: Principal): Principal => (p.id ? { kind: p.kind, id: p.id } : { kind: p.kind, name: p.name });

function RoleSelect({ label, value, onChange, disabled, large }: { label: string; value: Role; onChange: (role: Role) => void; disabled?: boolean; large?: boolean }) {
  return (
    <select className={large ? 'input' : 'input small'} aria-label={label} value={value} disabled={disabled} onChange={(e) => onChange(e.target.value as Role)}>
      {ROLES.map((r) => <option key={r.value} value={r.value}>{`${r.label}: ${r.help}`}</option>)}
    </select>
  );
}
