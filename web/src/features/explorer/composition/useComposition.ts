/** The counts behind the bars: of this table, or of every table of the study. */

import { useQueries, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Dataset, SampleTable, Study, TableRecord } from '../../../api/types';
import type { Bits } from '../../../data/bits';
import { categoryColors } from '../../../data/colors';
import { showCell } from '../../../data/cellsheet';
import type { CategoricalColumn, Column } from '../../../data/columns';
import { crosstab, stack, type Crosstab } from '../../../data/crosstab';
import { countCategories } from '../../../data/legend';
import { columnQuery, useDatasets, useSamples } from '../../../state/queries';
import { ATTRIBUTE } from '../shared';

interface Input {
  study: Study;
  dataset: Dataset;
  table: TableRecord;
  by: string;
  of: string;
  /** The cells of this table that count; null = all. Over the study all do. */
  cells: Bits | null;
}

const categorical = (column: Column | undefined) => (column?.kind === 'categorical' ? column : undefined);

/** The colour of every category, as in every other view: what is stored, else by its place. */
function colorsOf(columns: CategoricalColumn[]): Map<string, string> {
  const map = new Map<string, string>();
  for (const column of columns) {
    const colors = categoryColors(countCategories(column, null).subarray(1), column.colors);
    column.categories.forEach((name, i) => map.has(name) || map.set(name, colors[i]));
  }
  return map;
}

function groupOf(dataset: Dataset, samples: SampleTable | undefined, attribute: string): string {
  if (attribute === 'dataset') return dataset.name;
  const sample = samples?.samples.find((s) => s.id === dataset.sample_id);
  if (!sample) return 'no value';
  if (attribute === 'sample') return sample.name;
  const id = samples?.attributes.find((a) => a.name === attribute)?.id;
  return (id && showCell(sample.values[id])) || 'no value';
}

/** Of attributes, 'dataset' and 'sample' stand for the names of both. */
export function useComposition({ study, dataset, table, by, of, cells }: Input): { tab: Crosstab | null; colors: Map<string, string>; error: unknown; nTables: number | null } {
  const attribute = by.startsWith(ATTRIBUTE) ? by.slice(ATTRIBUTE.length) : null;
  const samples = useSamples(study.id);
  const datasets = useDatasets(study.id);
  const record = (name: string) => table.columns.find((c) => c.name === name);
  const ofRecord = record(of);
  const byRecord = record(by);
  const mine = useQuery({ ...columnQuery(dataset.id, table.name, ofRecord ?? table.columns[0]), enabled: ofRecord !== undefined });
  const groups = useQuery({ ...columnQuery(dataset.id, table.name, byRecord ?? table.columns[0]), enabled: attribute === null && byRecord !== undefined });
  const others = useMemo(() => {
    if (attribute === null) return [];
    return (datasets.data ?? []).flatMap((d) => {
      const column = d.tables.find((t) => t.name === table.name)?.columns.find((c) => c.name === of && c.kind === 'categorical');
      return column && d.state !== 'staging' ? [{ dataset: d, column }] : [];
    });
  }, [attribute, datasets.data, table.name, of]);
  const read = useQueries({ queries: others.map((o) => columnQuery(o.dataset.id, table.name, o.column)) });
  const loaded = read.map((r) => categorical(r.data));
  const signature = loaded.map((c, i) => `${others[i].dataset.id}${c ? 1 : 0}`).join(' ');
  const parts = useMemo(
    () => loaded.flatMap((column, i) => (column ? [{ group: groupOf(others[i].dataset, samples.data, attribute ?? ''), column }] : [])),
    // The signature says which columns have arrived.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [signature, others, samples.data, attribute],
  );
  const isWhole = attribute === null || (datasets.data !== undefined && samples.data !== undefined && parts.length === others.length);
  const first = categorical(mine.data);
  const second = categorical(groups.data);
  const tab = useMemo(() => {
    if (attribute !== null) return isWhole ? stack(parts) : null;
    return first && second ? crosstab(second, first, cells) : null;
  }, [attribute, isWhole, parts, first, second, cells]);
  const colors = useMemo(() => colorsOf([...(first ? [first] : []), ...parts.map((p) => p.column)]), [first, parts]);
  const error = mine.error ?? groups.error ?? datasets.error ?? samples.error ?? read.find((r) => r.error)?.error ?? null;
  return { tab, colors, error, nTables: attribute === null ? null : others.length };
}
