/** The frame: rail at the left, job line below, notices and keys over it. */

import { useEffect, useState, type ReactNode } from 'react';
import { changePassword, signOut } from '../api/routes';
import type { Session } from '../api/types';
import { JobLine } from '../features/JobLine';
import { Logo } from '../features/Logo';
import { offerShortcuts, shortcutStore } from '../state/keyboard';
import { startEvents } from '../state/live';
import { dismiss, noticeStore, tell } from '../state/notices';
import { keys, queryClient, useServer } from '../state/queries';
import { navigate } from '../state/route';
import { useStore } from '../state/store';
import { nextTheme } from '../state/theme';
import { Button, Field, Icon, type IconName } from '../views/controls';
import { Link } from '../views/Link';
import { Dialog, FormDialog } from '../views/overlays';

const PLACES: { path: string; icon: IconName; label: string; key: string; admin?: boolean }[] = [
  { path: 'studies', icon: 'studies', label: 'Studies', key: 's' },
  { path: 'expression', icon: 'dots', label: 'Genes', key: 'e' },
  { path: 'jobs', icon: 'jobs', label: 'Jobs', key: 'j' },
  { path: 'storages', icon: 'storages', label: 'Storages', key: 'o' },
  { path: 'tokens', icon: 'tokens', label: 'Tokens', key: 't' },
  { path: 'trash', icon: 'trash', label: 'Trash', key: 'x' },
  { path: 'admin', icon: 'admin', label: 'Admin', key: 'a', admin: true },
];

export function Shell({ session, page, children }: { session: Session; page: string; children: ReactNode }) {
  const [showKeys, setShowKeys] = useState(false);
  const [account, setAccount] = useState(false);
  // Limits and the version are needed later; ask early.
  useServer();
  useEffect(startEvents, [session.user.id]);
  useEffect(
    () =>
      offerShortcuts([
        { keys: '?', title: 'Show all keys', run: () => setShowKeys(true) },
        ...PLACES.map((p) => ({ keys: `g ${p.key}`, title: `Go to ${p.label.toLowerCase()}`, run: () => navigate(p.path) })),
      ]),
    [],
  );
  return (
    <div className="shell">
      <nav className="rail" aria-label="Main">
        <Link to="studies" className="brand" aria-label="Cytosol, studies" title="Cytosol"><Logo size={30} /></Link>
        {PLACES.filter((p) => !p.admin || session.user.is_admin).map((p) => (
          <Link key={p.path} to={p.path} aria-current={page === p.path ? 'page' : undefined}>
            <Icon name={p.icon} size={19} />
            {p.label}
          </Link>
        ))}
        <span className="grow" />
        <button type="button" onClick={() => setShowKeys(true)}><Icon name="help" size={19} />Keys</button>
        <button type="button" onClick={nextTheme}><Icon name="sun" size={19} />Theme</button>
        <button type="button" onClick={() => setAccount(true)} title={session.user.email}><Icon name="person" size={19} />Account</button>
      </nav>
      <main className="main">{children}</main>
      <JobLine />
      <Notices />
      {showKeys && <Keys onClose={() => setShowKeys(false)} />}
      {account && <Account session={session} onClose={() => setAccount(false)} />}
    </div>
  );
}

function Notices() {
  const notices = useStore(noticeStore);
  return (
    <div className="notices" role="status" aria-live="polite">
      {notices.map((notice) => (
        <div key={notice.id} className={notice.kind === 'error' ? 'notice error-notice' : 'notice'}>
          <div className="grow">
            {notice.text}
            {notice.requestId && <div className="small muted">Request <span className="mono">{notice.requestId}</span></div>}
          </div>
          {notice.action && <Button small onClick={() => { notice.action?.run(); dismiss(notice.id); }}>{notice.action.label}</Button>}
          <Button small look="plain" icon="close" label="Dismiss" onClick={() => dismiss(notice.id)} />
        </div>
      ))}
    </div>
  );
}

const KEY_NAMES: Record<string, string> = { Escape: 'Esc', ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓' };

function Keys({ onClose }: { onClose: () => void }) {
  const shortcuts = useStore(shortcutStore);
  return (
    <Dialog title="Keys" onClose={onClose}>
      <table className="table">
        <tbody>
          {shortcuts.map((s) => (
            <tr key={s.keys}>
              <td style={{ width: 110 }}>
                <span className="row">{s.keys.replace('Ctrl+Z', 'Ctrl Shift z').split(/[ +](?=.)/).map((k) => <kbd key={k} className="key">{KEY_NAMES[k] ?? k}</kbd>)}</span>
              </td>
              <td>{s.title}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Dialog>
  );
}

function Account({ session, onClose }: { session: Session; onClose: () => void }) {
  const [old, setOld] = useState('');
  const [fresh, setFresh] = useState('');
  return (
    <FormDialog title="Account" verb="Change password" onClose={onClose} onSubmit={() => changePassword(old, fresh).then(() => tell('Your password is changed'))}>
      <div className="spread">
        <div>
          <div>{session.user.name}</div>
          <div className="muted">{session.user.email}</div>
        </div>
        <Button
          onClick={() =>
            void signOut().finally(() => {
              queryClient.clear();
              void queryClient.resetQueries({ queryKey: keys.session });
              location.assign('./');
            })
          }
        >
          Sign out
        </Button>
      </div>
      <Field label="Password now">
        <input className="input" type="password" required autoComplete="current-password" value={old} onChange={(e) => setOld(e.target.value)} />
      </Field>
      <Field label="New password">
        <input className="input" type="password" required minLength={8} autoComplete="new-password" value={fresh} onChange={(e) => setFresh(e.target.value)} />
      </Field>
    </FormDialog>
  );
}
