/** Everything that a plot shows, from its state in the address and the data on the server. */

import { useQueries, useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { Dataset, TableRecord } from '../../api/types';
import type { Bits } from '../../data/bits';
import type { Column } from '../../data/columns';
import { intersect, passAll } from '../../data/filters';
import { flagCells } from '../../data/shade';
import { INITIAL_VIEW, readView, writeView, type ColorBy, type ExplorerView } from '../../state/explorerView';
import { columnQuery, embeddingQuery, valuesQuery } from '../../state/queries';
import { currentRoute, changeQuery } from '../../state/route';
import type { Camera } from '../../render/scatter';
import { useColoring } from './useColoring';

export type SetView = (part: Partial<ExplorerView> | ((view: ExplorerView) => Partial<ExplorerView>)) => void;

const PREFERRED = ['umap', 'tsne', 'spatial', 'pca'];

export function defaultEmbedding(table: TableRecord): string | null {
  const names = table.embeddings.map((e) => e.name);
  for (const wanted of PREFERRED) {
    const found = names.find((name) => name.toLowerCase().includes(wanted));
    if (found) return found;
  }
  return names[0] ?? null;
}

/** What to colour by at first: an annotation of few groups, best one that names types of cells. */
export function defaultColor(table: TableRecord): ColorBy | null {
  const groups = table.columns.filter((c) => c.kind === 'categorical' && (c.n_categories ?? 0) > 1 && (c.n_categories ?? 0) <= 60);
  const named = groups.find((c) => /type|label|leiden|louvain|cluster/i.test(c.name));
  const column = named ?? groups[0] ?? table.columns.find((c) => c.kind === 'numeric');
  return column ? { by: 'column', name: column.name } : null;
}

function useView(): [ExplorerView, SetView] {
  const [view, setState] = useState(() => readView(currentRoute().query.get('view')));
  useEffect(() => {
    const timer = setTimeout(() => changeQuery('view', writeView(view)), 300);
    return () => clearTimeout(timer);
  }, [view]);
  const set: SetView = (part) => setState((now) => ({ ...now, ...(typeof part === 'function' ? part(now) : part) }));
  return [view, set];
}

/** The columns with these names, as far as they have arrived. */
function useColumns(dataset: Dataset, table: TableRecord, names: string[]) {
  const records = table.columns.filter((c) => names.includes(c.name));
  const results = useQueries({ queries: records.map((record) => columnQuery(dataset.id, table.name, record)) });
  const signature = results.map((r, i) => `${records[i].id}:${records[i].version}:${r.data ? 1 : 0}`).join(' ');
  const columns = useMemo(
    () => {
      const map = new Map<string, Column>();
      results.forEach((r, i) => r.data && map.set(records[i].name, r.data));
      return map;
    },
    // The signature says all that may differ between renders.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [signature],
  );
  return { columns, error: results.find((r) => r.error)?.error, loading: results.some((r) => r.isPending) };
}

export function useExplorer(dataset: Dataset, table: TableRecord) {
  const [view, setView] = useView();
  const [selection, setSelection] = useState<Bits | null>(null);
  const [opened, setOpened] = useState<string[]>([]);
  const camera = useRef<{ x: Float32Array; y: Float32Array; camera: Camera } | null>(null);
  const color = view.color && isThere(view.color, table) ? view.color : defaultColor(table);
  const wanted = view.embedding && table.embeddings.some((e) => e.name === view.embedding) ? view.embedding : defaultEmbedding(table);
  const record = table.embeddings.find((e) => e.name === wanted) ?? null;
  const embedding = useQuery({
    ...embeddingQuery(dataset.id, table.name, wanted ?? '', record?.version ?? 0),
    enabled: wanted !== null,
  });
  const feature = color?.by === 'feature' ? color.name : null;
  const values = useQuery({
    ...valuesQuery(dataset.id, table.name, feature ?? '', dataset.data_version),
    enabled: feature !== null,
  });
  const names = [...opened, ...view.filters.map((f) => f.column), ...(color?.by === 'column' ? [color.name] : [])];
  const loaded = useColumns(dataset, table, names);
  const n = embedding.data?.dims[0]?.length ?? table.n_cells;
  const passed = useMemo(() => passAll(view.filters, loaded.columns), [view.filters, loaded.columns]);
  const shown = useMemo(() => (passed.length ? intersect(n, passed) : null), [n, passed]);
  const flags = useMemo(() => flagCells(n, shown, selection), [n, shown, selection]);
  const dims = embedding.data?.dims;
  const [dx, dy] = dims ? view.dims.map((d) => Math.min(d, dims.length - 1)) : [0, 1];
  const coloring = useColoring({
    n,
    view,
    column: color?.by === 'column' ? loaded.columns.get(color.name) : undefined,
    feature,
    values: values.data,
    passed,
  });
  return {
    view,
    setView,
    color,
    embeddingName: wanted,
    embeddingRecord: record,
    x: dims?.[dx],
    y: dims?.[dy],
    dims: [dx, dy] as const,
    n,
    columns: loaded.columns,
    passed,
    shown,
    flags,
    coloring,
    /** Where one looked at these coordinates, while another view is open. */
    camera,
    selection,
    setSelection,
    open: (name: string) => setOpened((now) => (now.includes(name) ? now : [...now, name])),
    busy: embedding.isFetching || values.isFetching || loaded.loading,
    error: embedding.error ?? values.error ?? loaded.error,
    reset: () => setView({ filters: INITIAL_VIEW.filters }),
  };
}

export type ExplorerState = ReturnType<typeof useExplorer>;

const isThere = (color: ColorBy, table: TableRecord) =>
  color.by === 'feature' || table.columns.some((c) => c.name === color.name);
