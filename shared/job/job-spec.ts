/**
 * The job spec: what a job was asked to be. The same record goes from the request to the outbox, the message, the
 * worker and the events. docs/ARCHITECTURE.md says how to add a field.
 */
import * as z from 'zod';
import { Callback } from './callback.ts';
import { LIMITS } from './limits.ts';
import { PRIORITIES } from './priority.ts';

/** An ordering key: visible ASCII characters, with spaces only inside. */
export const ORDERING_KEY = /^[!-~](?:[ -~]{0,126}[!-~])?$/;
/** A tag. It has no comma, because a header holds the tags of a job separated by commas. */
export const TAG = /^[A-Za-z0-9][A-Za-z0-9_.:/=-]{0,63}$/;

export const JobSpec = z.object({
  maxAttempts: z.int().min(1).max(LIMITS.maxAttempts).optional(),
  /** The milliseconds that one attempt may take. */
  timeoutMs: z.int().min(1).max(LIMITS.timeoutMs).optional(),
  /** When a delayed job is due, RFC 3339. */
  dueAt: z.iso.datetime().optional(),
  /** Why a job is due at a time that its caller did not ask for: too many jobs of its operation start before. */
  dueBy: z.literal('rateLimit').optional(),
  /** The fingerprint of the request, if the job was submitted with an idempotency key. */
  fingerprint: z.string().optional(),
  callback: Callback.optional(),
  /** How urgent the job is; absent: `normal`. */
  priority: z.enum(PRIORITIES).optional(),
  /** Jobs of a tenant with the same key run one after the other. */
  orderingKey: z.string().regex(ORDERING_KEY).optional(),
  /** Short texts by which its caller finds the job again. */
  tags: z.array(z.string().regex(TAG)).max(LIMITS.tags).optional(),
});
export type JobSpec = z.infer<typeof JobSpec>;

/** The spec of an accepted job, which always has a number of attempts. */
export const AcceptedSpec = JobSpec.required({ maxAttempts: true });
export type AcceptedSpec = z.infer<typeof AcceptedSpec>;

/** The fields that each event of a job repeats. The callback is left out, because its URL may hold a secret. */
const IN_EVENTS = {
  maxAttempts: true,
  fingerprint: true,
  priority: true,
  orderingKey: true,
  tags: true,
} as const;
/** The fields of the spec that the HTTP API shows with a job. */
const IN_JOBS = {
  maxAttempts: true,
  dueAt: true,
  dueBy: true,
  priority: true,
  orderingKey: true,
  tags: true,
} as const;

export const EventSpec = AcceptedSpec.pick(IN_EVENTS);
export const ShownSpec = AcceptedSpec.pick(IN_JOBS);

/** Returns the fields of a spec that each event repeats. */
export function pickEventSpec(spec: AcceptedSpec): z.infer<typeof EventSpec> {
  return pick(spec, IN_EVENTS);
}

/** Returns the fields of a spec that the HTTP API shows. An event repeats only some of these fields. */
export function pickShownSpec(spec: AcceptedSpec): z.infer<typeof ShownSpec> {
  return pick(spec, IN_JOBS);
}

/** Returns the spec of a job whose delay is over. */
export function withoutDelay<S extends JobSpec>(spec: S): Omit<S, 'dueAt' | 'dueBy'> {
  const { dueAt: _, dueBy: __, ...rest } = spec;
  return rest;
}

function pick<T extends object, M extends Partial<Record<keyof T, true>>>(record: T, mask: M) {
  const picked: Partial<T> = {};
  for (const field of Object.keys(record) as (keyof T)[])
    if (Object.hasOwn(mask, field)) picked[field] = record[field];
  return picked as Pick<T, Extract<keyof M, keyof T>>;
}
