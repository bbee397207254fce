/** Compensations computed from controls, spectral unmixing, and gates of other programs. */

import { apiUrl, send, sendJson } from './http';
import type { Compensation } from './gating';
import type { MadeFile } from './fileNames';

export type Range = [number, number];

export interface ControlWish {
  channel: string;
  dataset_id: string;
  population_id?: string | null;
  /** Values of the channel that are taken, data units; left out = they are found. */
  positive?: Range | null;
  negative?: Range | null;
}

export interface ComputeWish {
  controls: ControlWish[];
  unstained?: { dataset_id: string; population_id?: string | null } | null;
  channels?: string[];
  /** Under which it is kept; '' = it is only computed. */
  name?: string;
  /** Keep it also where a control looks like one of another channel. */
  insist?: boolean;
}

export interface Parts {
  channel: string;
  positive: Range;
  /** Null where the unstained control was taken. */
  negative: Range | null;
  n_positive: number;
  n_negative: number;
}

export interface Computed {
  compensation: Compensation | null;
  channels: string[];
  matrix: number[][];
  spread: (number | null)[][];
  parts: Parts[];
  /** A sentence for each control that looks like one of another channel. */
  warnings: string[];
}

export const computeCompensation = (studyId: string, json: ComputeWish, signal?: AbortSignal) =>
  sendJson<Computed>('POST', `studies/${studyId}/compensations/compute`, { json, signal });

/** Reference controls, which give spectra. */
export interface ReferencesWish {
  controls: (ControlWish & { dye?: string })[];
  unstained: { dataset_id: string } | null;
  detectors: string[];
}

export interface UnmixWish extends ReferencesWish {
  dataset_ids: string[];
  weighted?: boolean;
}

export interface SpectraWish extends ReferencesWish {
  format: 'png' | 'svg' | 'pdf';
  width: number;
  height: number;
  dpi?: number;
  dark?: boolean;
}

export const drawSpectra = (studyId: string, json: SpectraWish, signal?: AbortSignal) => send('POST', `studies/${studyId}/spectra`, { json, signal }).then((response) => response.blob());

export const unmixFiles = (studyId: string, json: UnmixWish) => sendJson<{ items: MadeFile[] }>('POST', `studies/${studyId}/unmix`, { json }).then((page) => page.items);

/** What came out of a file of another program. */
export interface Brought {
  gates: unknown[];
  populations: unknown[];
  compensations: unknown[];
  compensation: string;
  /** What could not come, or not as it was. */
  notes: string[];
}

export type GatingFormat = 'gating-ml' | 'flowjo';

export const bringGating = (studyId: string, format: GatingFormat | 'facsdiva', file: Blob) =>
  send('POST', `studies/${studyId}/${format}`, { body: file, type: 'application/xml' }).then((response) => response.json() as Promise<Brought>);
export const gatingUrl = (studyId: string, format: GatingFormat, query: { dataset_id?: string; compensation?: string }) => apiUrl(`studies/${studyId}/${format}`, query);
