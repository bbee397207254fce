/** What a figure says of where it comes from. */

import type { Dataset, Study, TableRecord } from '../../api/types';
import { apiUrl } from '../../api/http';
import { preamble } from '../../data/python';
import { count } from '../../data/words';

/** `cells`: how many of them are shown, where not all are. */
export const placeLine = (study: Study, dataset: Dataset, table: TableRecord, cells = `${count(table.n_cells)} cells`) => [...new Set([study.name, dataset.name]), cells].join(', ');

/** The address that a client takes: that of the server, without the API. */
export const serverUrl = () => apiUrl('').replace(/\/api\/v1\/$/, '');

export const tableCode = (dataset: Dataset, table: TableRecord) => preamble(serverUrl(), dataset.id, table.name);
