/** The views of a table: each a folder beside this file, loaded when it is first opened. */

import type { ComponentType } from 'react';
import type { Dataset, Study, TableRecord } from '../../api/types';
import type { IconName } from '../../views/controls';
import { later } from '../../views/later';
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
  { id: 'side', title: 'Side by side', icon: 'grid', key: 's', component: later(() => import('./side/SideView'), 6).Part },
  { id: 'violin', title: 'Violins', icon: 'violin', key: 'v', component: later(() => import('./violin/ViolinView'), 6).Part },
  { id: 'dots', title: 'Dot plot', icon: 'dots', key: 'd', component: later(() => import('./dots/DotsView'), 6).Part },
  { id: 'heatmap', title: 'Heat map', icon: 'heatmap', key: 'h', component: later(() => import('./heatmap/HeatmapView'), 6).Part },
  { id: 'composition', title: 'Composition', icon: 'bars', key: 'o', component: later(() => import('./composition/CompositionView'), 6).Part },
  { id: 'sets', title: 'Gene sets', icon: 'list', key: 'g', component: later(() => import('./sets/GeneSetsView'), 6).Part },
  { id: 'markers', title: 'Markers', icon: 'marker', key: 'm', component: later(() => import('./markers/MarkersView'), 6).Part },
  { id: 'compare', title: 'Compare', icon: 'compare', key: 'x', component: later(() => import('./compare/CompareView'), 6).Part },
  { id: 'analyses', title: 'Analyses', icon: 'flask', key: 'a', component: later(() => import('./analyses/AnalysesView'), 6).Part },
];

export const viewOf = (id: string) => VIEWS.find((view) => view.id === id);
