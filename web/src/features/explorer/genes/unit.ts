/** In what unit the values of a table are. */

import type { TableRecord } from '../../../api/types';

export const unitOf = (table: TableRecord) => (table.kind === 'counts' ? 'ln(1 + counts per 10,000)' : 'normalised values');
