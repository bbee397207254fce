/** Files measured before they are submitted. */

import { getBytes, sendJson } from './http';
import type { Inspection, Job } from './types';

export const createInspection = (json: Inspection) => sendJson<{ job: Job }>('POST', 'inspections', { json }).then((made) => made.job);
export const getInspectedCells = (jobId: string, signal?: AbortSignal) => getBytes(`inspections/${jobId}/cells.arrow`, {}, signal);
