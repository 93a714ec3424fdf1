import type { HrTime } from '@opentelemetry/api';

const NS_PER_MS = 1_000_000n;
const NS_PER_SECOND = 1_000_000_000n;
/** OTLP has 64 bits for nanoseconds: until the year 2262, if a collector reads them as signed. */
const LATEST_NS = 2n ** 63n - 1n;
/** As Go writes a time: RFC 3339, with up to nine digits behind the point, and the zone of the server. */
const WRITTEN = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/**
 * Reads a time that nats-server wrote, with all of its digits.
 * @returns nanoseconds since 1970; undefined if it is no time, or one that OTLP cannot hold
 */
export function readTime(text: string): bigint | undefined {
  const [, second, fraction = '', zone] = WRITTEN.exec(text) ?? [];
  const ms = Date.parse(`${second}${zone}`);
  if (second === undefined || Number.isNaN(ms) || ms < 0) return undefined;
  const ns = BigInt(ms) * NS_PER_MS + BigInt(fraction.padEnd(9, '0'));
  return ns > LATEST_NS ? undefined : ns;
}

/** A time or a duration as OpenTelemetry's SDK has it: seconds and nanoseconds. */
export function hrTime(ns: bigint): HrTime {
  return [Number(ns / NS_PER_SECOND), Number(ns % NS_PER_SECOND)];
}
