import { QueryObserver } from '@tanstack/react-query';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { problemToError } from '../../src/api/http';
import { INITIAL_VIEW, readView, writeView, type ExplorerView } from '../../src/state/explorerView';
import { matchShortcut } from '../../src/state/keyboard';
import { leaving, linesOf, mergeLines, startEvents, subjectId } from '../../src/state/live';
import { keys, queryClient, refreshSoon } from '../../src/state/queries';
import { parseRoute } from '../../src/state/route';

describe('the state of a plot in an address', () => {
  const view: ExplorerView = {
    ...INITIAL_VIEW,
    color: { by: 'feature', name: 'CD3E' },
    filters: [{ kind: 'categories', column: 'cell type', hidden: ['B'] }],
    clip: 100,
  };
  it('comes back as it was written, and is short', () => {
    expect(readView(writeView(view))).toEqual(view);
    expect(writeView(INITIAL_VIEW)).toBeNull();
    expect(JSON.parse(writeView({ ...INITIAL_VIEW, clip: 95 }) ?? '')).toEqual({ version: 2, clip: 95 });
  });
  it('of version 1 is upgraded', () => {
    expect(readView('{"version":1,"clip":true,"map":"cividis"}')).toMatchObject({ version: 2, clip: 99, map: 'cividis' });
    expect(readView('{"version":1,"clip":false}').clip).toBe(100);
  });
  it('that cannot be read is the start, wholly or in part', () => {
    for (const text of [null, '', '{', '[]', '7', '{"version":99}']) expect(readView(text)).toEqual(INITIAL_VIEW);
    expect(readView('{"version":2,"clip":"much","filters":[{"kind":"x"}],"labels":true}')).toEqual({ ...INITIAL_VIEW, labels: true });
  });
});

describe('routes', () => {
  it('are read below any root path', () => {
    const route = parseRoute('http://h/lab/cytosol/app/studies/1/tables/2/a%2Fb?fps=1', 'http://h/lab/cytosol/app/');
    expect(route.parts).toEqual(['studies', '1', 'tables', '2', 'a/b']);
    expect(route.query.get('fps')).toBe('1');
    expect(parseRoute('http://h/', 'http://h/app/').parts).toEqual([]);
  });
});

describe('keys', () => {
  const run = () => undefined;
  const list = [{ keys: '/', title: 'old', run }, { keys: 'g s', title: 'studies', run }, { keys: '/', title: 'new', run }];
  it('of the newest offer win, and pairs need both', () => {
    expect(matchShortcut(list, '', '/')?.title).toBe('new');
    expect(matchShortcut(list, 'g', 's')?.title).toBe('studies');
    expect(matchShortcut(list, '', 's')).toBeUndefined();
    expect(matchShortcut(list, 'g', '/')).toBeUndefined();
  });
});

describe('news from the server', () => {
  const line = (seq: number) => ({ seq, at: '', level: 'info', text: `${seq}` });
  it('adds lines once and in order', () => {
    expect(mergeLines([line(1), line(2)], [line(3)]).map((l) => l.seq)).toEqual([1, 2, 3]);
    expect(mergeLines([line(1), line(3)], [line(2), line(3)]).map((l) => l.seq)).toEqual([1, 2, 3]);
    const before = [line(1)];
    expect(mergeLines(before, [])).toBe(before);
  });
  it('finds lines and subjects however they come', () => {
    expect(linesOf({ seq: 4, text: 'x', at: '', level: 'info' })).toHaveLength(1);
    expect(linesOf({ items: [line(1), line(2), { no: 1 }] })).toHaveLength(2);
    const event = { id: '1', type: 'job.changed', at: '', data: {} };
    expect(subjectId({ ...event, subject: 'job:abc' })).toBe('abc');
    expect(subjectId({ ...event, subject: { kind: 'job', id: 'abc' } })).toBe('abc');
  });
});

describe('errors', () => {
  it('show the sentence and the request', () => {
    const error = problemToError(422, '{"detail":"It is truncated.","code":"unreadable-file","do":"Upload it again","request_id":"r1"}', '');
    expect(error.message).toBe('It is truncated. Upload it again');
    expect([error.status, error.code, error.requestId]).toEqual([422, 'unreadable-file', 'r1']);
  });
  it('of a proxy still have a sentence', () => {
    expect(problemToError(502, '<html>', 'r2')).toMatchObject({ status: 502, requestId: 'r2', message: 'The server answered with status 502.' });
  });
});

describe('events of the server', () => {
  // a clock of its own: what is told within some milliseconds must not depend on how busy the machine is
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const pause = (ms: number) => vi.advanceTimersByTimeAsync(ms);

  it('of a thousand files ask for what they changed once or twice, and the last one is not missed', async () => {
    let [asked, answered] = [0, 0];
    const observer = new QueryObserver(queryClient, {
      queryKey: ['many', 'files'],
      queryFn: async () => {
        asked++;
        await new Promise((done) => setTimeout(done, 150));
        return ++answered;
      },
    });
    const stop = observer.subscribe(() => undefined);
    await pause(200);
    asked = 0;
    for (let burst = 0; burst < 10; burst++) {
      for (let i = 0; i < 100; i++) refreshSoon(['many'], ['dataset', String(i)]);
      await pause(10);
    }
    await pause(120);
    expect(asked).toBe(1);
    refreshSoon(['many']);
    await pause(450);
    expect(asked).toBe(2);
    expect(observer.getCurrentResult().isFetching).toBe(false);
    stop();
  });

  /** The browser's own, which hears what the test tells it. */
  class Source {
    static newest: Source;
    onopen = () => undefined as void;
    told = new Map<string, (message: { data: string }) => void>();
    constructor() { Source.newest = this; }
    addEventListener(type: string, listener: (message: { data: string }) => void) { this.told.set(type, listener); }
    close() {}
    tell(type: string, id: string) { this.told.get(type)?.({ data: JSON.stringify({ id: '1', type, at: '', data: {}, subject: { kind: 'study', id } }) }); }
  }

  /** How often something is asked for. */
  function asking(queryKey: readonly unknown[]) {
    const asked = { times: 0, stop: () => undefined as void };
    asked.stop = new QueryObserver(queryClient, { queryKey, queryFn: () => ++asked.times }).subscribe(() => undefined);
    return asked;
  }

  it('may be missed until they are listened to: what was read before is read again then', async () => {
    vi.stubGlobal('EventSource', Source);
    vi.stubGlobal('document', { querySelector: () => ({ href: 'http://h/' }) });
    const asked = asking(keys.datasets('s'));
    await pause(10);
    const end = startEvents();
    await pause(150);
    expect(asked.times).toBe(1);
    Source.newest.onopen();
    await pause(150);
    expect(asked.times).toBe(2);
    end();
    asked.stop();
    vi.unstubAllGlobals();
  });

  it('of a study that is being deleted here do not ask for it', async () => {
    vi.stubGlobal('EventSource', Source);
    vi.stubGlobal('document', { querySelector: () => ({ href: 'http://h/' }) });
    const [list, gone, other] = [asking(keys.studies), asking(keys.study('gone')), asking(keys.study('other'))];
    const end = startEvents();
    leaving.add('gone');
    await pause(10);
    Source.newest.tell('study.changed', 'gone');
    Source.newest.tell('study.changed', 'other');
    await pause(150);
    expect([list.times, gone.times, other.times]).toEqual([2, 1, 2]);
    leaving.clear();
    end();
    for (const each of [list, gone, other]) each.stop();
    vi.unstubAllGlobals();
  });
});
