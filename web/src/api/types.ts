/** The records of the native API, named as the server names them. */

import type { CytometryFile, Lockable } from './cytometry';

export interface Rec {
  id: string;
  created_at: string;
  updated_at: string;
  version: number;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface ServerInfo {
  name: string;
  version: string;
  api_version: string;
  needs_setup: boolean;
  limits: { max_chunk_bytes?: number; [name: string]: number | undefined };
}

export interface User extends Rec {
  email: string;
  name: string;
  is_admin: boolean;
  disabled?: boolean;
  disabled_at?: string | null;
}

export interface Session {
  user: User;
  scopes: string[];
}

export interface Token extends Rec {
  name: string;
  scopes: string[];
  expires_at: string | null;
  last_used_at: string | null;
  /** The secret, only in the answer that made it. */
  token?: string;
}

export type Group = Rec & { name: string };

export type Role = 'owner' | 'editor' | 'reader' | 'limited_reader';

export interface Principal {
  kind: 'user' | 'group' | 'builtin';
  id?: string | null;
  name?: string | null;
}

export interface Grant {
  principal: Principal;
  role: Role;
}

export interface Study extends Rec, Lockable {
  name: string;
  display_id: string;
  description: string;
  authors: string[];
  species: string;
  folder_id: string | null;
  owner: { id: string; name: string; email: string } | null;
  origin: string;
  n_cells: number | null;
  n_datasets: number;
  technologies: string[];
  permissions: string[];
  deleted_at: string | null;
  extra: Record<string, unknown>;
}

export interface NewStudy {
  name: string;
  description?: string;
  authors?: string[];
  species?: string;
  folder_id?: string | null;
  display_id?: string;
}

export interface Revision {
  id: string;
  created_at: string;
  verb: string;
  label: string;
  subject_kind: string;
  subject_id: string;
  actor?: { id: string; name: string; email: string } | null;
  undone_at: string | null;
}

export type Value = string | number | boolean | null;
export type AttributeKind = 'text' | 'number' | 'boolean';

export interface Attribute {
  id: string;
  name: string;
  kind: AttributeKind;
  unit: string;
  position: number;
  version: number;
}

export interface Sample {
  id: string;
  name: string;
  position: number;
  version: number;
  values: Record<string, Value>;
}

export interface SampleTable {
  attributes: Attribute[];
  samples: Sample[];
}

export interface SampleReport {
  created: number;
  updated: number;
  attributes: number | string[];
}

export interface ColumnRecord {
  id: string;
  name: string;
  kind: 'categorical' | 'numeric' | 'text';
  n_categories: number | null;
  version: number;
  created_by: string | { id: string; name: string } | null;
  private: boolean;
}

export interface EmbeddingRecord {
  id: string;
  name: string;
  n_dims: number;
  version: number;
}

export interface TableRecord {
  name: string;
  n_cells: number;
  n_features: number;
  kind: 'counts' | 'normalized' | 'events';
  columns: ColumnRecord[];
  embeddings: EmbeddingRecord[];
}

export interface Dataset extends Rec, CytometryFile {
  study_id: string;
  sample_id: string | null;
  name: string;
  state: 'staging' | 'ready' | 'published';
  technology: string;
  data_version: number;
  n_cells: number | null;
  tables: TableRecord[];
  notes: string[];
  lineage: { parent_id?: string; parent_version?: number; table?: string; selection?: unknown; n_cells?: number };
  job_id: string | null;
  deleted_at?: string | null;
}

export type FileRef = { upload_id: string } | { storage_id: string; path: string };

export interface Submission {
  name: string;
  sample_id?: string;
  batches: { name: string; files: Record<string, FileRef> }[];
  format?: string;
  matrix?: 'raw' | 'normalized';
  filters?: Record<string, number>;
  embeddings?: 'compute' | 'keep';
  parameters?: Record<string, Value>;
}

export type Inspection = Pick<Submission, 'batches' | 'format' | 'matrix'> & { study_id: string };

export interface Feature {
  index: number;
  symbol: string;
  feature_id: string;
  feature_type: string;
}

export interface NewColumn {
  name: string;
  categories: { name: string; color?: string; cells: number[] }[];
}

export interface ColumnPatch {
  name?: string;
  rename?: Record<string, string>;
  merge?: Record<string, string[]>;
  colors?: Record<string, string>;
  order?: string[];
}

export interface Upload {
  id: string;
  offset: number;
  size?: number;
  state?: string;
  chunk_bytes?: number;
}

export interface Storage extends Rec {
  name: string;
  kind: 'folder' | 's3';
  location: unknown;
}

export interface StorageEntry {
  name: string;
  is_folder: boolean;
  size: number | null;
  modified_at: string | null;
}

export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

export interface Job {
  id: string;
  serial: number;
  kind: string;
  state: JobState;
  progress: number;
  step: string;
  queue_position: number | null;
  study_id: string | null;
  dataset_id: string | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  expected_s: number | null;
  memory_bytes: number;
  error: { code?: string; detail?: string } | null;
  result: Record<string, unknown> | null;
  parent_id: string | null;
}

export interface LogLine {
  seq: number;
  at: string;
  level: string;
  text: string;
}

export interface Parameter {
  name: string;
  title: string;
  type: string;
  default: Value | Value[] | Record<string, unknown>;
  unit?: string | null;
  minimum?: number | null;
  maximum?: number | null;
  choices?: Value[] | null;
  /** What a text stands for: column, attribute, column-or-attribute, embedding, gene-sets, features; '' = itself. */
  names?: string;
  required?: boolean;
  help: string;
}

export interface FormatRecord {
  name: string;
  title: string;
  description?: string;
  suffixes?: string[];
  /** False for formats that are known but not read. */
  reads?: boolean;
  roles?: Record<string, string> | string[];
  parameters?: Parameter[];
}

export interface AnalysisRecord {
  name: string;
  title: string;
  summary?: string;
  /** DOI or address of the formula; '' for one of our own. */
  reference?: string;
  cost?: string;
  /** Whether it runs on a table that is ready. */
  runnable?: boolean;
  parameters: Parameter[];
}

export interface ServerEvent {
  id: string;
  type: string;
  at: string;
  subject: string | { kind: string; id: string };
  data: Record<string, unknown>;
}
