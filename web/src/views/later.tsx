/**
 * Parts of the page that come when they are first shown.
 *
 * In place of React's lazy, which holds back what has come until 300 ms after its skeleton was shown.
 */

import { useEffect, useState, type ComponentType } from 'react';
import { Skeleton } from './states';

export interface Later<P> {
  Part: ComponentType<P>;
  /** Have it on its way before it is shown. */
  fetch: () => Promise<unknown>;
}

export function later<P extends object>(load: () => Promise<{ default: ComponentType<P> }>, rows = 8): Later<P> {
  let Loaded: ComponentType<P> | null = null;
  let coming: Promise<unknown> | null = null;
  const fetch = () => {
    coming ??= load().then(
      (module) => (Loaded = module.default),
      (error: unknown) => {
        coming = null;
        throw error;
      },
    );
    return coming;
  };
  function Part(props: P) {
    const [error, setError] = useState<unknown>(null);
    const [Shown, show] = useState<ComponentType<P> | null>(() => Loaded);
    useEffect(() => {
      if (Shown) return;
      let isHere = true;
      fetch().then(
        () => isHere && show(() => Loaded),
        (failure: unknown) => isHere && setError(failure),
      );
      return () => {
        isHere = false;
      };
    }, [Shown]);
    // caught where a part that broke is told
    if (error) throw error instanceof Error ? error : new Error(String(error));
    return Shown ? <Shown {...props} /> : <Skeleton rows={rows} />;
  }
  return { Part, fetch };
}
