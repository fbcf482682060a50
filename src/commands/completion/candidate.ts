/** Something that can stand where the cursor is. */
export interface Candidate {
  readonly value: string;
  /** A few words that shells show beside it; '' for none. */
  readonly description: string;
}

/** What the person can go on typing. */
export interface Completion {
  readonly candidates: readonly Candidate[];
  /** Whether it is a file's name, which shells complete better than we could. */
  readonly isFile: boolean;
}

/** Nothing to offer, and no file's name either. */
export const nothing: Completion = { candidates: [], isFile: false };
