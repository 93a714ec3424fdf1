/**
 * What a job was asked to be. The same record goes from the request through the outbox and the message to the worker and
 * the events. How to add a field: docs/ARCHITECTURE.md.
 */
import * as z from 'zod';
import { Callback } from './callback.ts';
import { LIMITS } from './limits.ts';

export const JobSpec = z.object({
  maxAttempts: z.int().min(1).max(LIMITS.maxAttempts).optional(),
  /** Milliseconds that one attempt may take. */
  timeoutMs: z.int().min(1).max(LIMITS.timeoutMs).optional(),
  /** When a delayed job is due. */
  dueAt: z.iso.datetime().optional(),
  /** The fingerprint of the request, if the job was submitted with an idempotency key. */
  fingerprint: z.string().optional(),
  callback: Callback.optional(),
});
export type JobSpec = z.infer<typeof JobSpec>;

/** The spec of an accepted job: the number of its attempts is decided. */
export const AcceptedSpec = JobSpec.required({ maxAttempts: true });
export type AcceptedSpec = z.infer<typeof AcceptedSpec>;

/** The fields that each event of a job repeats. The callback is not one of them: its URL may hold a secret. */
const IN_EVENTS = { maxAttempts: true, fingerprint: true } as const;
/** The fields of the spec that the HTTP API shows with a job. */
const IN_JOBS = { maxAttempts: true, dueAt: true } as const;

export const EventSpec = AcceptedSpec.pick(IN_EVENTS);
export const ShownSpec = AcceptedSpec.pick(IN_JOBS);

/** The fields of a spec that events repeat. */
export function pickEventSpec(spec: AcceptedSpec): z.infer<typeof EventSpec> {
  return pick(spec, IN_EVENTS);
}

/** The fields of a spec that the HTTP API shows. An event repeats only some of them. */
export function pickShownSpec(spec: AcceptedSpec): z.infer<typeof ShownSpec> {
  return pick(spec, IN_JOBS);
}

/** The spec of a job whose delay is over. */
export function withoutDelay<S extends JobSpec>(spec: S): Omit<S, 'dueAt'> {
  const { dueAt: _, ...rest } = spec;
  return rest;
}

function pick<T extends object, M extends Partial<Record<keyof T, true>>>(record: T, mask: M) {
  const picked = Object.entries(record).filter(([field]) => Object.hasOwn(mask, field));
  return Object.fromEntries(picked) as Pick<T, Extract<keyof M, keyof T>>;
}
