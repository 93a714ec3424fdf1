import type { Fix } from './finding.ts';
import type { StreamDefinition } from './streams.ts';

/** What one setting of a stream must be, and why. */
export interface StreamRule {
  readonly setting: string;
  /** The streams that the rule is for; undefined: all. */
  readonly streams?: readonly string[];
  /** The value it must have, in words; undefined: the value in the stream's definition. */
  readonly wanted?: string | ((definition: StreamDefinition) => string);
  readonly holds: (value: unknown, definition: StreamDefinition) => boolean;
  readonly why: string;
  readonly level?: 'weakens';
  readonly fix: Fix | ((value: unknown, definition: StreamDefinition) => Fix);
}
