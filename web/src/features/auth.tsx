/** Signing in, and making the first administrator. */

import { useState, type FormEvent, type ReactNode } from 'react';
import { setUp, signIn } from '../api/routes';
import { keys, queryClient, useServer } from '../state/queries';
import { navigate, useRoute } from '../state/route';
import { Button, Field } from '../views/controls';
import { ErrorNote } from '../views/states';
import { Logo } from './Logo';

/** Start afresh as the user who just signed in. */
async function enter(): Promise<void> {
  await queryClient.resetQueries({ queryKey: keys.session });
  void queryClient.invalidateQueries();
}

function SignCard({ title, children, onSubmit }: { title: string; children: ReactNode; onSubmit: () => Promise<void> }) {
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await onSubmit();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <main className="centred">
      <form className="card sign" onSubmit={(event) => void submit(event)}>
        <h1 className="brand">
          <Logo /> Cytosol
        </h1>
        {children}
        <ErrorNote error={error} />
        <Button type="submit" look="primary" disabled={busy}>
          {title}
        </Button>
      </form>
    </main>
  );
}

export function SignInPage() {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const server = useServer();
  return (
    <SignCard
      title="Sign in"
      onSubmit={async () => {
        await signIn(email, password);
        await enter();
      }}
    >
      {server.data?.needs_setup && (
        <p className="muted">
          This server has no users yet. Open the one-time link that <span className="mono">cytosol serve</span> printed when it
          started: it makes the first administrator.
        </p>
      )}
      <Field label="E-mail">
        <input className="input" type="email" name="email" autoComplete="username" required autoFocus value={email} onChange={(e) => setEmail(e.target.value)} />
      </Field>
      <Field label="Password">
        <input className="input" type="password" name="password" autoComplete="current-password" required value={password} onChange={(e) => setPassword(e.target.value)} />
      </Field>
    </SignCard>
  );
}

export function SetUpPage() {
  const { query } = useRoute();
  const key = query.get('key') ?? '';
  const [form, setForm] = useState({ email: '', name: '', password: '' });
  const edit = (name: keyof typeof form) => (e: { target: { value: string } }) => setForm({ ...form, [name]: e.target.value });
  return (
    <SignCard
      title="Make the administrator"
      onSubmit={async () => {
        await setUp({ key, ...form });
        await queryClient.invalidateQueries({ queryKey: keys.server });
        await enter();
        navigate('studies', { replace: true });
      }}
    >
      <p className="muted">
        {key
          ? 'You are the first here. This account can do everything on this server; it makes the accounts of the others.'
          : 'The address lacks its key. Open the whole link that the server printed when it started.'}
      </p>
      <Field label="Your name">
        <input className="input" required autoFocus autoComplete="name" value={form.name} onChange={edit('name')} />
      </Field>
      <Field label="E-mail">
        <input className="input" type="email" required autoComplete="username" value={form.email} onChange={edit('email')} />
      </Field>
      <Field label="Password" help="At least 8 characters; a short sentence is easy to remember.">
        <input className="input" type="password" required minLength={8} autoComplete="new-password" value={form.password} onChange={edit('password')} />
      </Field>
    </SignCard>
  );
}
