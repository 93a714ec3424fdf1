import type { Carrier, CarrierReader } from '../carrier.ts';
import { fromRecord } from '../readers.ts';

/** The field of a JSON payload that holds the carrier, if you do not name another one. */
const FIELD = 'trace';

/**
 * Reads a carrier that travels inside a JSON payload, for queues without headers. The carrier is an object in one field.
 *
 * @example
 * const { context } = extract(fromPayload(JSON.parse(message.body)));
 */
export function fromPayload(payload: unknown, field: string = FIELD): CarrierReader {
  const carrier = ownObject(payload, field);
  return carrier === undefined ? () => [] : fromRecord(carrier);
}

function ownObject(payload: unknown, field: string): Record<string, unknown> | undefined {
  if (typeof payload !== 'object' || payload === null || !Object.hasOwn(payload, field)) return undefined;
  const value = (payload as Record<string, unknown>)[field];
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}

/**
 * Returns a copy of a JSON payload with this carrier in one field. If the carrier is empty, the field is left out.
 *
 * @example
 * queue.push(JSON.stringify(withPayload({ order: 7 }, inject(context.active()))));
 */
export function withPayload(
  payload: Readonly<Record<string, unknown>>,
  carrier: Carrier,
  field: string = FIELD,
): Record<string, unknown> {
  const others = Object.entries(payload).filter(([key]) => key !== field);
  const own = Object.keys(carrier).length === 0 ? [] : [[field, { ...carrier }] as const];
  return Object.fromEntries([...others, ...own]);
}
