/** One function per route of the native API, but for datasets and uploads. */

import { listAll, send, sendJson, type QueryValue } from './http';
import type {
  AnalysisRecord,
  Attribute,
  AttributeKind,
  FormatRecord,
  Grant,
  Group,
  Job,
  JobState,
  LogLine,
  NewStudy,
  Page,
  Revision,
  Role,
  Sample,
  SampleReport,
  SampleTable,
  ServerInfo,
  Session,
  Storage,
  StorageEntry,
  Study,
  Token,
  User,
  Value,
} from './types';

export const getServer = () => sendJson<ServerInfo>('GET', 'server');
export const setUp = (json: { key: string; email: string; name: string; password: string }) =>
  sendJson<{ user: User }>('POST', 'setup', { json });

export const getSession = () => sendJson<Session>('GET', 'session');
export const signIn = (email: string, password: string) =>
  sendJson<{ user: User }>('POST', 'session', { json: { email, password } });
export const signOut = () => send('DELETE', 'session');
export const changePassword = (old: string, password: string) =>
  send('POST', 'me/password', { json: { old, new: password } });

export const listTokens = () => listAll<Token>('tokens');
export const createToken = (json: { name: string; scopes: string[]; expires_days: number | null }) =>
  sendJson<Token>('POST', 'tokens', { json });
export const revokeToken = (token: Token) => send('DELETE', `tokens/${token.id}`, { version: token.version });

export const listUsers = () => listAll<User>('users');
export const createUser = (json: { email: string; name: string; password: string; is_admin: boolean }) =>
  sendJson<User>('POST', 'users', { json });
export const patchUser = (user: User, json: { name?: string; is_admin?: boolean; disabled?: boolean }) =>
  sendJson<User>('PATCH', `users/${user.id}`, { json, version: user.version });
export const listGroups = () => listAll<Group>('groups');

export const listStudies = (query: { search?: string; species?: string; trash?: boolean }, signal?: AbortSignal) =>
  listAll<Study>('studies', query, signal);
export const getStudy = (id: string) => sendJson<Study>('GET', `studies/${id}`);
export const createStudy = (json: NewStudy) => sendJson<Study>('POST', 'studies', { json });
export const patchStudy = (study: Study, json: Partial<NewStudy>) =>
  sendJson<Study>('PATCH', `studies/${study.id}`, { json, version: study.version });
export const deleteStudy = (study: Study) => send('DELETE', `studies/${study.id}`, { version: study.version });
export const undeleteStudy = (study: Study) =>
  send('POST', `studies/${study.id}/undelete`, { version: study.version });

export const listGrants = (studyId: string) =>
  sendJson<{ items: Grant[] }>('GET', `studies/${studyId}/grants`).then((page) => page.items);
export const putGrants = (study: Study, items: { principal: Grant['principal']; role: Role }[]) =>
  send('PUT', `studies/${study.id}/grants`, { json: { items }, version: study.version });

export const listRevisions = (studyId: string) =>
  sendJson<Page<Revision>>('GET', `studies/${studyId}/revisions`, { query: { limit: 50 } }).then((p) => p.items);
export const undoRevision = (id: string) => send('POST', `revisions/${id}/undo`);
export const goBackTo = (id: string) => send('POST', `revisions/${id}/go-back`);

export const getSamples = (studyId: string) => sendJson<SampleTable>('GET', `studies/${studyId}/samples`);
export const createSample = (studyId: string, name: string) =>
  sendJson<Sample>('POST', `studies/${studyId}/samples`, { json: { name } });
export const patchSample = (sample: Sample, json: { name?: string; values?: Record<string, Value> }) =>
  sendJson<Sample>('PATCH', `samples/${sample.id}`, { json, version: sample.version });
export const deleteSample = (sample: Sample) => send('DELETE', `samples/${sample.id}`, { version: sample.version });
export const createAttribute = (studyId: string, json: { name: string; kind: AttributeKind; unit: string }) =>
  sendJson<Attribute>('POST', `studies/${studyId}/attributes`, { json });
export const patchAttribute = (attribute: Attribute, json: { name?: string; unit?: string }) =>
  sendJson<Attribute>('PATCH', `attributes/${attribute.id}`, { json, version: attribute.version });
export const deleteAttribute = (attribute: Attribute) =>
  send('DELETE', `attributes/${attribute.id}`, { version: attribute.version });
export const putSamplesCsv = (studyId: string, csv: string) =>
  sendJson<SampleReport>('PUT', `studies/${studyId}/samples.csv`, { body: csv, type: 'text/csv' });
export const pasteSamples = (studyId: string, text: string) =>
  sendJson<SampleReport>('POST', `studies/${studyId}/samples/paste`, { json: { text } });

export const listStorages = () => listAll<Storage>('storages');
export const createStorage = (json: { name: string; kind: 'folder' | 's3'; location: string }) =>
  sendJson<Storage>('POST', 'storages', { json });
export const deleteStorage = (storage: Storage) =>
  send('DELETE', `storages/${storage.id}`, { version: storage.version });
export const listEntries = (storageId: string, path: string) =>
  listAll<StorageEntry>(`storages/${storageId}/entries`, { path });

export type JobQuery = { study_id?: string; state?: JobState; mine?: boolean } & Record<string, QueryValue>;
export const listJobs = (query: JobQuery = {}) =>
  sendJson<Page<Job>>('GET', 'jobs', { query: { limit: 100, ...query } }).then((page) => page.items);
export const getJob = (id: string) => sendJson<Job>('GET', `jobs/${id}`);
export const getJobLog = (id: string, after: number) =>
  sendJson<{ items: LogLine[] }>('GET', `jobs/${id}/log`, { query: { after } }).then((page) => page.items);
export const cancelJob = (id: string) => send('POST', `jobs/${id}/cancel`);
export const retryJob = (id: string) => send('POST', `jobs/${id}/retry`);

export const listFormats = () =>
  sendJson<{ items: FormatRecord[] }>('GET', 'formats').then((page) => page.items);
export const listAnalyses = () =>
  sendJson<{ items: AnalysisRecord[] }>('GET', 'analyses').then((page) => page.items);
