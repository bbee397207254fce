/** What a view shows while it waits, where it is empty, and where something went wrong. */

import type { ReactNode } from 'react';
import { isApiError } from '../api/http';
import { Button } from './controls';

export function Skeleton({ rows = 5 }: { rows?: number }) {
  return (
    <div className="stack" style={{ padding: 16 }} role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, i) => (
        <span key={i} className="skeleton" style={{ width: `${88 - ((i * 17) % 40)}%` }} />
      ))}
    </div>
  );
}

export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}

export function ErrorNote({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  if (!error) return null;
  const sentence = error instanceof Error ? error.message : String(error);
  return (
    <div className="error row" role="alert">
      <div className="grow">
        <p>{sentence}</p>
        {isApiError(error) && error.requestId && <p className="small">Request <span className="mono">{error.requestId}</span></p>}
      </div>
      {onRetry && (
        <Button small onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

interface Asked<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

/** Skeleton, error or content of something that is asked from the server. */
export function Loaded<T>({ query, rows, children }: { query: Asked<T>; rows?: number; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <ErrorNote error={query.error} onRetry={() => void query.refetch()} />;
  return <Skeleton rows={rows} />;
}
