/** What a dataset has more when it is a file of cytometry. */

/** A channel of a file and what it measures. */
export interface Channel {
  index: number;
  channel: string;
  reagent: string;
}

export interface CytometryFile {
  panel?: (Omit<Channel, 'reagent'> & { reagent: string | null })[];
  /** Datasets with equal panels share it. */
  panel_name?: string;
  is_control?: boolean;
  /** '' = not chosen, 'none', 'internal', or the id of a compensation. */
  compensation?: string;
  gates_locked?: boolean;
}

/** What a study has more. */
export interface Lockable {
  /** Whether nothing in it can be changed. */
  locked?: boolean;
}
