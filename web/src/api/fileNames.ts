/** What files of cytometry are called and annotated with. */

import type { Channel } from './cytometry';
import { send, sendJson } from './http';

export interface FileAnnotation {
  name: string;
  value: string | number | boolean | null;
}

export interface NamedFile {
  dataset_id: string;
  name: string;
  matches: boolean;
  annotations: FileAnnotation[];
  /** '' = it keeps its name. */
  new_name: string;
  /** Why it cannot be done; '' = it can. */
  problem: string;
}

export interface NamePattern {
  pattern: string;
  rename: string;
  dataset_ids: string[];
  preview: boolean;
}

export const annotateByName = (studyId: string, json: NamePattern, signal?: AbortSignal) =>
  sendJson<{ items: NamedFile[] }>('POST', `studies/${studyId}/fcs/annotate`, { json, signal }).then((page) => page.items);

export const getFileAnnotations = (datasetId: string, signal?: AbortSignal) =>
  sendJson<{ annotations: FileAnnotation[] }>('GET', `datasets/${datasetId}/file`, { signal }).then((file) => file.annotations);
export const putFileAnnotations = (datasetId: string, annotations: FileAnnotation[]) =>
  sendJson<{ version: number }>('PUT', `datasets/${datasetId}/file-annotations`, { json: { annotations } });

export interface ZipWish {
  dataset_ids: string[];
  format: 'original' | 'fcs' | 'tsv';
  populations: (string | null)[];
  compensated?: boolean;
}

export const zipFiles = (studyId: string, json: ZipWish) => send('POST', `studies/${studyId}/fcs/zip`, { json }).then((response) => response.blob());

/** One file is copied, several are joined in this order. */
export interface DeriveWish {
  dataset_ids: string[];
  filename: string;
  population: string | null;
  compensation: string;
  post_n?: number;
  post_p?: number;
  seed: number;
  add_event_number: boolean;
  add_file_number: boolean;
}

/** A file of cytometry as it stands after it was made. */
export interface MadeFile {
  id: string;
  name: string;
  n_events: number;
  panel: Channel[];
}

/** Make files of a complete upload of events, at once: several where it holds several data sets. */
export const addEventFile = (studyId: string, uploadId: string) => sendJson<{ items: MadeFile[] }>('POST', `studies/${studyId}/fcs`, { json: { upload_id: uploadId } }).then((page) => page.items);
export const deriveFile = (studyId: string, json: DeriveWish) => sendJson<{ items: MadeFile[] }>('POST', `studies/${studyId}/fcs/derive`, { json }).then((page) => page.items);
