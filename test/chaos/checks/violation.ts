/** The checks, see docs/CHAOS.md. */
export type Check = 'L1' | 'L2' | 'L3' | 'L4' | 'L5' | 'L6' | 'L7' | 'L8' | 'L9' | 'L10' | 'L11';

/** Something that a run must not show, in one sentence. */
export interface Violation {
  readonly check: Check;
  readonly about: string;
}
