/** From what is coloured by to shades, legend and scale. */

import { useMemo } from 'react';
import { categoryColors, categoryTable, MISSING_COLOR, numericTable } from '../../data/colors';
import { extent, quantiles, type Column } from '../../data/columns';
import { intersect, type Passed } from '../../data/filters';
import { countCategories, legendEntries, sortEntries, type LegendEntry } from '../../data/legend';
import { shadeCategories, shadeNumbers, type Shading } from '../../data/shade';
import type { ExplorerView } from '../../state/explorerView';
import { useStore } from '../../state/store';
import { shownTheme } from '../../state/theme';

export interface Scale {
  low: number;
  high: number;
  /** True where higher values than `high` are drawn in its colour. */
  clipped: boolean;
}

export interface Coloring {
  title: string;
  unit: string;
  shading: Shading;
  /** For categories. */
  entries: LegendEntry[] | null;
  /** For numbers. */
  scale: Scale | null;
  /** What a cell has, in words; null while nothing is there yet. */
  describe: (i: number) => string | null;
}

interface Input {
  n: number;
  view: ExplorerView;
  column: Column | undefined;
  feature: string | null;
  values: Float32Array | undefined;
  passed: Passed[];
}

/** Ends of the colours: genes from 0 to a percentile of the cells that express, other numbers between percentiles. */
export function scaleOf(values: ArrayLike<number>, clip: number, isGene: boolean, diverging: boolean): Scale {
  const [min, max] = extent(values);
  let low = isGene ? Math.min(0, min) : min;
  let high = max;
  if (clip < 100) {
    const source = isGene ? Array.prototype.filter.call(values, (v: number) => v > 0) as number[] : values;
    const [bottom, top] = quantiles(source, [1 - clip / 100, clip / 100]);
    if (top > low) high = top;
    if (!isGene && bottom < high) low = bottom;
  }
  if (diverging) {
    high = Math.max(Math.abs(low), Math.abs(high));
    low = -high;
  }
  return { low, high: high > low ? high : low + 1, clipped: high < max };
}

export function useColoring({ n, view, column, feature, values, passed }: Input): Coloring {
  const onDark = useStore(shownTheme) === 'dark';
  const numbers = feature !== null ? values : column?.kind === 'numeric' ? column.values : undefined;
  const categorical = feature === null && column?.kind === 'categorical' ? column : undefined;
  const colors = useMemo(
    () => (categorical ? categoryColors(countCategories(categorical, null).subarray(1), categorical.colors) : []),
    [categorical],
  );
  const scale = useMemo(
    () => (numbers ? scaleOf(numbers, view.clip, feature !== null, view.map === 'diverging') : null),
    [numbers, view.clip, view.map, feature],
  );
  const shading = useMemo((): Shading => {
    if (numbers && scale) {
      return { shades: shadeNumbers(numbers, scale.low, scale.high), table: numericTable(view.map, onDark), ranked: true };
    }
    if (categorical) return { shades: shadeCategories(categorical), table: categoryTable(colors), ranked: false };
    return { shades: new Uint8Array(n), table: categoryTable([]), ranked: false };
  }, [numbers, scale, view.map, categorical, colors, n, onDark]);
  const entries = useMemo(() => {
    if (!categorical) return null;
    const others = intersect(categorical.codes.length, passed, categorical.name);
    return sortEntries(legendEntries(categorical, countCategories(categorical, others), colors, MISSING_COLOR), view.sort);
  }, [categorical, colors, passed, view.sort]);
  const title = feature ?? column?.name ?? '';
  return {
    title,
    unit: feature !== null ? 'log-normalised' : '',
    shading,
    entries,
    scale,
    describe: (i) => (numbers ? showNumber(numbers[i]) : column && feature === null ? describeCell(column, i) : null),
  };
}

const showNumber = (v: number) => (Number.isNaN(v) ? 'no value' : new Intl.NumberFormat('en', { maximumSignificantDigits: 4 }).format(v));

export function describeCell(column: Column, i: number): string {
  if (column.kind === 'categorical') return column.categories[column.codes[i]] ?? 'no value';
  if (column.kind === 'numeric') return showNumber(column.values[i]);
  return column.at(i) ?? 'no value';
}
