/** The colours of the groups of an annotation, as in every other view. */

import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Dataset, TableRecord } from '../../../api/types';
import { categoryColors } from '../../../data/colors';
import { countCategories } from '../../../data/legend';
import { columnQuery } from '../../../state/queries';

export function useGroupColors(dataset: Dataset, table: TableRecord, name: string): Map<string, string> {
  const record = table.columns.find((c) => c.name === name && c.kind === 'categorical');
  const column = useQuery({ ...columnQuery(dataset.id, table.name, record ?? table.columns[0]), enabled: record !== undefined }).data;
  return useMemo(() => {
    if (column?.kind !== 'categorical') return new Map<string, string>();
    const colors = categoryColors(countCategories(column, null).subarray(1), column.colors);
    return new Map(column.categories.map((category, i) => [category, colors[i]]));
  }, [column]);
}
