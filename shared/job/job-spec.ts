/**
 * What a job was asked to be. It is one record on the whole way of a job: in the request, in the outbox, in the message
 * and in the events. How to add a field: docs/ARCHITECTURE.md.
 */
import * as z from 'zod';
import { Callback } from './callback.ts';

/** Bounds that hold for every job, whatever its operation says. */
export const LIMITS = {
  /** Bytes of a job's input as JSON. JetStream's default `max_payload` is 1 MiB, headers included. */
  inputBytes: 256 * 1024,
  /** Bytes of a job's result as JSON, which travels in its terminal event. */
  resultBytes: 512 * 1024,
  maxAttempts: 100,
  timeoutMs: 24 * 60 * 60 * 1000,
  waitSeconds: 60,
  delayMs: 30 * 24 * 60 * 60 * 1000,
  batchJobs: 100,
  /** How many inputs of full size a whole batch may hold. */
  batchInputs: 16,
} as const;

export const JobSpec = z.object({
  maxAttempts: z.int().min(1).max(LIMITS.maxAttempts).optional(),
  /** Milliseconds that one attempt may take. */
  timeoutMs: z.int().min(1).max(LIMITS.timeoutMs).optional(),
  /** When a delayed job is due. */
  dueAt: z.iso.datetime().optional(),
  /** Digest of the request, of a job that was submitted with an idempotency key. */
  fingerprint: z.string().optional(),
  callback: Callback.optional(),
});
export type JobSpec = z.infer<typeof JobSpec>;

/** The spec of a job that was accepted: it is decided how often it may be tried. */
export const AcceptedSpec = JobSpec.required({ maxAttempts: true });
export type AcceptedSpec = z.infer<typeof AcceptedSpec>;

/** The fields that each event of a job repeats. A callback's URL is none of them: it may hold a secret. */
const IN_EVENTS = { maxAttempts: true, fingerprint: true } as const;
/** The fields that the HTTP API shows of a job. */
const IN_JOBS = { maxAttempts: true, dueAt: true } as const;

export const EventSpec = AcceptedSpec.pick(IN_EVENTS);
export const ShownSpec = AcceptedSpec.pick(IN_JOBS);

/** What the events of a job repeat of its spec. */
export function eventSpec(spec: AcceptedSpec): z.infer<typeof EventSpec> {
  return pick(spec, IN_EVENTS);
}

/** What the HTTP API shows of a job's spec; of a job that is read from an event, as far as the event repeats it. */
export function shownSpec(spec: AcceptedSpec): z.infer<typeof ShownSpec> {
  return pick(spec, IN_JOBS);
}

/** The spec of a job that does not have to wait any more. */
export function withoutDelay<S extends JobSpec>(spec: S): Omit<S, 'dueAt'> {
  const { dueAt: _, ...rest } = spec;
  return rest;
}

function pick<T extends object, M extends Partial<Record<keyof T, true>>>(record: T, mask: M) {
  const picked = Object.entries(record).filter(([field]) => field in mask);
  return Object.fromEntries(picked) as Pick<T, Extract<keyof M, keyof T>>;
}
