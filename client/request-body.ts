import { ThroughlineError, type Violation } from '../shared/errors.ts';
import { jsonPointer } from '../shared/text/json.ts';

/**
 * The body of a request as JSON.
 * @throws ThroughlineError `request-invalid` with the path of each number that JSON does not have: NaN and the infinities,
 *   which would be sent as null, and a bigint
 */
export function writeRequestBody(body: unknown): string {
  const violations: Violation[] = [];
  /** The path of each object that is being written. */
  const paths = new Map<unknown, PropertyKey[]>();
  const json = JSON.stringify(body, function (this: unknown, key: string, value: unknown) {
    const path = [...(paths.get(this) ?? []), ...(paths.size === 0 ? [] : [key])];
    if (typeof value === 'object') paths.set(value, path);
    if (typeof value !== 'bigint' && (typeof value !== 'number' || Number.isFinite(value))) return value;
    violations.push({ path: jsonPointer(path), message: `${value} is no number of JSON; send it as text` });
    return null;
  });
  if (violations.length === 0) return json;
  const places = violations.map(({ path, message }) => `${path || 'the body'}: ${message}`);
  throw new ThroughlineError('request-invalid', places.join('; '), { violations });
}
