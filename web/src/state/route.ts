/** Which page is open: read from and written to the address. */

import { appRoot } from '../api/http';
import { createStore, useStore } from './store';

export interface Route {
  /** Parts of the path below the page's folder, decoded. */
  parts: string[];
  query: URLSearchParams;
}

export function parseRoute(href: string, root: string): Route {
  const url = new URL(href);
  const base = new URL(root).pathname;
  const below = url.pathname.startsWith(base) ? url.pathname.slice(base.length) : '';
  return { parts: below.split('/').filter(Boolean).map(decodeURIComponent), query: url.searchParams };
}

const read = () => parseRoute(location.href, appRoot());
const routeStore = createStore<Route>({ parts: [], query: new URLSearchParams() });

export function startRouting(): void {
  routeStore.set(read());
  window.addEventListener('popstate', () => routeStore.set(read()));
}

/** The full address of a path such as `studies/ID`. */
export const hrefOf = (path: string) => new URL(path, appRoot()).href;

export function navigate(path: string, options: { replace?: boolean } = {}): void {
  const href = hrefOf(path);
  if (options.replace) history.replaceState(null, '', href);
  else history.pushState(null, '', href);
  routeStore.set(read());
}

/** Change one value of the query; without a new entry in the history, but where `isStep` says that one can go back from it. */
export function changeQuery(name: string, value: string | null, isStep = false): void {
  const url = new URL(location.href);
  if (value === null) url.searchParams.delete(name);
  else url.searchParams.set(name, value);
  if (isStep && url.href !== location.href) history.pushState(null, '', url.href);
  else history.replaceState(null, '', url.href);
}

export const useRoute = () => useStore(routeStore);
export const currentRoute = routeStore.get;
