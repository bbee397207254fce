/** Files that belong to a study and are no data; the lock of a study; marks in its history. */

import { apiUrl, listAll, send, sendJson } from './http';
import type { Rec, Study } from './types';

export interface Attachment extends Rec {
  name: string;
  size: number;
}

export const listAttachments = (studyId: string) => listAll<Attachment>(`studies/${studyId}/attachments`);
export const addAttachment = (studyId: string, uploadId: string, name: string) => sendJson<Attachment>('POST', `studies/${studyId}/attachments`, { json: { upload_id: uploadId, name } });
export const deleteAttachment = (a: Attachment) => send('DELETE', `attachments/${a.id}`, { version: a.version });
export const attachmentUrl = (a: Attachment) => apiUrl(`attachments/${a.id}/data`);
export const lockStudy = (study: Study, locked: boolean) => sendJson<Study>('PATCH', `studies/${study.id}`, { json: { locked }, version: study.version });
export const markRevision = (studyId: string, label: string) => sendJson<unknown>('POST', `studies/${studyId}/revisions`, { json: { label } });
