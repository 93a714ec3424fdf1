/** The rules for the caps of waiting jobs. A cap is there, and it is the one that the settings ask for, if they ask for one. */
import type { Fix } from './finding.ts';
import { CAP_KEY, capOf, TENANT_KEY, tenantShareOf } from './store-caps.ts';
import type { StreamRule } from './stream-rule.ts';
import { DELAYED_STREAM, EVENTS_STREAM, JOBS_STREAM, type StreamDefinition } from './streams.ts';

const CAPPED = {
  wanted: (definition: StreamDefinition): string =>
    capOf(definition)?.toString() ?? 'a part of the file store',
  why: 'jobs that wait could fill the whole store, and then no job could end or be cancelled',
  level: 'weakens',
  fix: (_value: unknown, definition: StreamDefinition): Fix =>
    capOf(definition) === undefined ? 'size' : 'setup',
} as const;

export const CAP_RULES: readonly StreamRule[] = [
  {
    ...CAPPED,
    setting: 'max_bytes',
    streams: [JOBS_STREAM],
    holds: (value, definition) => isWanted(capOf({ max_bytes: Number(value) }), definition),
  },
  {
    ...CAPPED,
    setting: 'metadata',
    wanted: (definition) => `an object with ${CAP_KEY}: ${CAPPED.wanted(definition)}`,
    streams: [DELAYED_STREAM],
    holds: (value, definition) => isWanted(capOf({ metadata: metadataOf(value) }), definition),
  },
  {
    setting: 'metadata',
    streams: [EVENTS_STREAM],
    wanted: (definition) => `an object with ${TENANT_KEY}: ${tenantShareOf(definition)}`,
    holds: (value, definition) => {
      const wanted = tenantShareOf(definition);
      return wanted === undefined || tenantShareOf({ metadata: metadataOf(value) }) === wanted;
    },
    why: 'the results of one tenant could fill the whole store, and then no job could end',
    level: 'weakens',
    fix: 'setup',
  },
];

function metadataOf(value: unknown): Readonly<Record<string, string>> {
  return (value ?? {}) as Record<string, string>;
}

function isWanted(cap: number | undefined, definition: StreamDefinition): boolean {
  return cap !== undefined && (capOf(definition) ?? cap) === cap;
}
