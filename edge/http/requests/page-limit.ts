import * as z from 'zod';

/** How many at most, in a query: a whole number from 1 to `max`. */
export function pageLimit(max: number, fallback: number) {
  const message = `must be a whole number from 1 to ${max}`;
  return z
    .string(message)
    .regex(/^[0-9]{1,3}$/, message)
    .transform(Number)
    .pipe(z.int(message).min(1, message).max(max, message))
    .default(fallback);
}
