/** Standard terms of ontologies. */

/** A term of an ontology; `score` tells how alike it is, 1 = the same words. */
export interface TermHit {
  id: string;
  label: string;
  score: number;
}

/** A category and its standard term. */
export interface LevelTerm {
  level: string;
  term_id: string | null;
  term: string | null;
  ontology: string | null;
  suggestions: TermHit[];
}

export interface OntologyRecord {
  name: string;
  title: string;
  kind: string;
}
