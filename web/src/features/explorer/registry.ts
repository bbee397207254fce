/** The views of a table: each a folder beside this file, loaded when it is first opened. */

import { lazy, type ComponentType } from 'react';
import type { Dataset, Study, TableRecord } from '../../api/types';
import type { IconName } from '../../views/controls';
import { CellsView } from './cells/CellsView';
import type { Shared } from './shared';
import type { ExplorerState } from './useExplorer';

export interface ViewProps {
  study: Study;
  dataset: Dataset;
  table: TableRecord;
  /** The plot of cells: embedding, colours, filters, selection. */
  state: ExplorerState;
  /** Genes and grouping, the same in every view. */
  shared: Shared;
  /** Open another view, here. */
  open: (view: string) => void;
}

export interface View {
  /** Stands in addresses: never changes. */
  id: string;
  title: string;
  icon: IconName;
  /** Opens it after `v`. */
  key: string;
  component: ComponentType<ViewProps>;
}

export const VIEWS: readonly View[] = [
  { id: 'cells', title: 'Cells', icon: 'cells', key: 'c', component: CellsView },
  { id: 'side', title: 'Side by side', icon: 'grid', key: 's', component: lazy(() => import('./side/SideView')) },
  { id: 'violin', title: 'Violins', icon: 'violin', key: 'v', component: lazy(() => import('./violin/ViolinView')) },
  { id: 'dots', title: 'Dot plot', icon: 'dots', key: 'd', component: lazy(() => import('./dots/DotsView')) },
  { id: 'heatmap', title: 'Heat map', icon: 'heatmap', key: 'h', component: lazy(() => import('./heatmap/HeatmapView')) },
  { id: 'composition', title: 'Composition', icon: 'bars', key: 'o', component: lazy(() => import('./composition/CompositionView')) },
  { id: 'sets', title: 'Gene sets', icon: 'list', key: 'g', component: lazy(() => import('./sets/GeneSetsView')) },
  { id: 'markers', title: 'Markers', icon: 'marker', key: 'm', component: lazy(() => import('./markers/MarkersView')) },
  { id: 'compare', title: 'Compare', icon: 'compare', key: 'x', component: lazy(() => import('./compare/CompareView')) },
  { id: 'analyses', title: 'Analyses', icon: 'flask', key: 'a', component: lazy(() => import('./analyses/AnalysesView')) },
];

export const viewOf = (id: string) => VIEWS.find((view) => view.id === id);
