/** Tokens for programs: make one, copy it once, revoke it. */

import { useState } from 'react';
import { createToken, revokeToken } from '../api/routes';
import type { Token } from '../api/types';
import { ago } from '../data/words';
import { tell, tellError } from '../state/notices';
import { keys, refresh, useSession, useTokens } from '../state/queries';
import { Button, Field } from '../views/controls';
import { FormDialog } from '../views/overlays';
import { Empty, Loaded } from '../views/states';

const SCOPES = [
  { name: 'read', help: 'see studies and read their data' },
  { name: 'write', help: 'add data, annotate, change' },
  { name: 'share', help: 'give others access' },
  { name: 'admin', help: 'run this server' },
];

export function TokensPage() {
  const query = useTokens();
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<Token | null>(null);
  const make = (
    <Button look="primary" icon="plus" onClick={() => setMaking(true)}>
      New token
    </Button>
  );
  return (
    <div className="page">
      <header>
        <h1>Tokens</h1>
        {make}
      </header>
      {made?.token && <NewSecret token={made.token} name={made.name} onDone={() => setMade(null)} />}
      <div className="card">
        <Loaded query={query}>
          {(tokens) =>
            tokens.length === 0 ? (
              <Empty title="No tokens yet" action={make}>
                A token signs a script in: the Python client, a notebook, or the clients of other platforms.
              </Empty>
            ) : (
              <table className="table">
                <thead>
                  <tr>
                    <th>Name</th>
                    <th>Allows</th>
                    <th>Last used</th>
                    <th>Ends</th>
                    <th><span className="hidden-label">Actions</span></th>
                  </tr>
                </thead>
                <tbody>
                  {tokens.map((token) => (
                    <tr key={token.id}>
                      <td>{token.name}</td>
                      <td>{token.scopes.join(', ')}</td>
                      <td className="muted">{token.last_used_at ? ago(token.last_used_at) : 'never'}</td>
                      <td className="muted">{token.expires_at ? new Date(token.expires_at).toLocaleDateString('en') : 'never'}</td>
                      <td className="num">
                        <Button small look="danger" onClick={() => void revokeToken(token).then(() => refresh(keys.tokens), tellError)}>
                          Revoke
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
      {making && <NewToken onClose={() => setMaking(false)} onMade={setMade} />}
    </div>
  );
}

/** Copy where the browser lets us; elsewhere (plain http) the text is selected for the user to copy. */
export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    tell('Copied');
  } catch {
    tell('Your browser does not let pages copy here: select the text and copy it yourself');
  }
}

function NewSecret({ token, name, onDone }: { token: string; name: string; onDone: () => void }) {
  return (
    <section className="card stack" style={{ padding: 16 }} aria-label="The new token">
      <h2>Copy ‘{name}’ now: it is shown only once</h2>
      <div className="row">
        <input className="input mono" readOnly value={token} aria-label="Token" onFocus={(e) => e.target.select()} />
        <Button look="primary" onClick={() => void copyText(token)}>Copy</Button>
        <Button onClick={onDone}>Done</Button>
      </div>
    </section>
  );
}

function NewToken({ onClose, onMade }: { onClose: () => void; onMade: (token: Token) => void }) {
  const isAdmin = useSession().data?.user.is_admin ?? false;
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState(['read', 'write']);
  const [days, setDays] = useState('365');
  const toggle = (scope: string) => setScopes(scopes.includes(scope) ? scopes.filter((s) => s !== scope) : [...scopes, scope]);
  return (
    <FormDialog
      title="New token"
      verb="Make token"
      disabled={scopes.length === 0}
      onClose={onClose}
      onSubmit={async () => {
        onMade(await createToken({ name, scopes, expires_days: days ? Number(days) : null }));
        await refresh(keys.tokens);
      }}
    >
      <Field label="Name" help="Where it will be used, so that you know it again.">
        <input className="input" required autoFocus value={name} placeholder="My notebook" onChange={(e) => setName(e.target.value)} />
      </Field>
      <div className="field" role="group" aria-label="What it allows">
        <span className="label">What it allows</span>
        {SCOPES.filter((scope) => isAdmin || scope.name !== 'admin').map((scope) => (
          <label className="check" key={scope.name}>
            <input type="checkbox" checked={scopes.includes(scope.name)} onChange={() => toggle(scope.name)} />
            {scope.name} <span className="muted small">{scope.help}</span>
          </label>
        ))}
      </div>
      <Field label="Days until it ends" help="Empty: it never ends.">
        <input className="input" type="number" min={1} max={3650} value={days} onChange={(e) => setDays(e.target.value)} />
      </Field>
    </FormDialog>
  );
}
