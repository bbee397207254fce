/** What analyses take and make. */

export interface AnalysisWish {
  analysis: string;
  name?: string;
  parameters: Record<string, unknown>;
}

export interface SubsetWish {
  name: string;
  selection: unknown;
  /** Of the way from counts to clusters; null = those of the parent are kept. */
  parameters: Record<string, unknown> | null;
}

export interface ComparisonRecord {
  id: string;
  name: string;
  method: string;
  first: unknown;
  second: unknown;
  n_first: number;
  n_second: number;
  created_at: string;
  parameters?: Record<string, unknown>;
  notes?: string[];
}

export interface GeneSetRecord {
  id: string;
  name: string;
  kind: 'sets' | 'markers';
  species: string;
  group_id: string | null;
  owner: string;
  may_edit: boolean;
  version: number;
  n_sets: number;
  /** Left out of lists. */
  sets?: { name: string; description?: string; genes: string[]; negative?: string[] }[];
}

/** A gene of a species. */
export interface GeneHit {
  /** Ensembl id; '' where none is known. */
  id: string;
  symbol: string;
  aliases: string[];
  /** Readable studies that measure it. */
  n_studies: number;
}
