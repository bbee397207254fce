/** Which page stands where, and who must sign in first. */

import { isApiError } from '../api/http';
import { AdminPage } from '../features/AdminPage';
import { SetUpPage, SignInPage } from '../features/auth';
import { ExpressionPage } from '../features/expression/ExpressionPage';
import { JobsPage } from '../features/JobsPage';
import { StoragesPage } from '../features/StoragesPage';
import { StudiesPage } from '../features/StudiesPage';
import { StudyPage } from '../features/study/StudyPage';
import { TokensPage } from '../features/TokensPage';
import { TrashPage } from '../features/TrashPage';
import { useSession } from '../state/queries';
import { useRoute } from '../state/route';
import { Link } from '../views/Link';
import { Empty, ErrorNote, Skeleton } from '../views/states';
import { Broken } from './Broken';
import { Shell } from './Shell';

export function App() {
  const { parts } = useRoute();
  const session = useSession();
  if (parts[0] === 'setup') return <SetUpPage />;
  if (session.data) {
    return (
      <Shell session={session.data} page={parts[0] ?? 'studies'}>
        <Broken key={parts.slice(0, 2).join('/')}>
          <Page parts={parts} />
        </Broken>
      </Shell>
    );
  }
  if (isApiError(session.error) && (session.error.status === 401 || session.error.status === 403)) return <SignInPage />;
  if (session.error) {
    return (
      <div className="centred">
        <ErrorNote error={session.error} onRetry={() => void session.refetch()} />
      </div>
    );
  }
  return <Skeleton rows={10} />;
}

function Page({ parts }: { parts: string[] }) {
  const [page = 'studies', id, ...rest] = parts;
  if (page === 'studies') return id ? <StudyPage key={id} id={id} rest={rest} /> : <StudiesPage />;
  if (page === 'expression') return <ExpressionPage />;
  if (page === 'jobs') return <JobsPage />;
  if (page === 'storages') return <StoragesPage />;
  if (page === 'tokens') return <TokensPage />;
  if (page === 'trash') return <TrashPage />;
  if (page === 'admin') return <AdminPage />;
  return (
    <Empty title="There is no such page" action={<Link className="button" to="studies">Go to studies</Link>}>
      The address may be old or mistyped.
    </Empty>
  );
}
