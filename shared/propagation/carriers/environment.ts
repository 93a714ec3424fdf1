import type { Carrier, CarrierReader } from '../carrier.ts';
import { fieldsOf, othersOf } from './record.ts';

/** Environment variables, such as `process.env`. */
export type EnvironmentLike = Readonly<Record<string, string | undefined>>;

/**
 * Reads the environment variables `TRACEPARENT`, `TRACESTATE` and `BAGGAGE` (OpenTelemetry, "Environment Variables as Context
 * Propagation Carriers"). An empty variable counts as unset, because some shells and CI systems cannot unset one.
 *
 * @example
 * const { context } = extract(fromEnvironment(process.env));
 */
export function fromEnvironment(environment: EnvironmentLike): CarrierReader {
  return (name) => {
    const value = environment[name.toUpperCase()];
    return typeof value === 'string' && value !== '' ? [value] : [];
  };
}

/**
 * Returns a copy of an environment for a child process, with this carrier in the place of the one that it holds.
 * No field is longer than 8,192 characters, so each fits into a variable of every system.
 *
 * @example
 * spawn('make', { env: withEnvironment(process.env, inject(context.active())) });
 */
export function withEnvironment(
  environment: EnvironmentLike,
  carrier: Carrier,
): Record<string, string | undefined> {
  const fields = fieldsOf(carrier).map(([name, value]) => [name.toUpperCase(), value] as const);
  return Object.fromEntries([...othersOf(environment), ...fields]);
}
