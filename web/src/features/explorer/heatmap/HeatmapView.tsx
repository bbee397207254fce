/** Means of genes in groups of cells, as colours. */

import { GridView, type GridState } from '../genes/GridView';
import type { ViewProps } from '../registry';

const INITIAL: GridState = { scale: 'gene', map: 'viridis', threshold: 0, markers: 5 };

export default function HeatmapView(props: ViewProps) {
  return <GridView {...props} id="heatmap" shape="cells" initial={INITIAL} />;
}
