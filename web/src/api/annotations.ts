/** What is said about whole files of cytometry, such as plate, well or dose. */

import { sendJson } from './http';
import type { Value } from './types';

export interface AnnotatedFile {
  /** That of the dataset. */
  id: string;
  annotations: { name: string; value: Value }[];
}

export const listAnnotatedFiles = (studyId: string, signal?: AbortSignal) =>
  sendJson<{ items: AnnotatedFile[] }>('GET', `studies/${studyId}/fcs`, { signal }).then((page) => page.items);
