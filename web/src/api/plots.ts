/** Sheets of plots, drawn by the server. */

import { send } from './http';

export interface SheetQuery {
  plots: Record<string, string | number | boolean | null>[];
  dataset_ids: string[];
  /** The file whose channels are named; in the others they are found by reagent. */
  reagents_of?: string;
  format: 'png' | 'svg' | 'pdf';
}

/** The same plots of several files: a row for each file. */
export const getPlotSheet = (studyId: string, json: SheetQuery) => send('POST', `studies/${studyId}/plot-grid`, { json }).then((response) => response.blob());
