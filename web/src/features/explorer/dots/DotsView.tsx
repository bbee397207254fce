/** Mean and share of expressing cells of genes, as dots. */

import { GridView, type GridState } from '../genes/GridView';
import type { ViewProps } from '../registry';

const INITIAL: GridState = { scale: 'none', map: 'viridis', threshold: 0, markers: 3 };

export default function DotsView(props: ViewProps) {
  return <GridView {...props} id="dots" shape="dots" initial={INITIAL} />;
}
