import * as z from 'zod';
import { ShownSpec } from '../../job/job-spec.ts';

/** The dead letter of a failed job, as the HTTP API lists it. */
export const DeadLetter = z.object({
  /** The job's id. */
  id: z.string(),
  operation: z.string(),
  /** The code of the error that ended the job. */
  reason: z.string(),
  /** What went wrong, in the words of whoever threw it; absent in dead letters of older workers. */
  message: z.string().optional(),
  attempts: z.int().min(0),
  tags: ShownSpec.shape.tags,
  diedAt: z.iso.datetime(),
  /** The trace of the job when its attempts were spent; empty if its message had none. */
  traceId: z.string(),
  /** How often the job was redriven before; absent if it never was. */
  redriveCount: z.int().min(1).optional(),
  links: z.object({ self: z.string(), job: z.string() }),
});
export type DeadLetter = z.infer<typeof DeadLetter>;

/** A dead letter with its input and headers. */
export const DeadLetterDetail = DeadLetter.extend({
  /** The stack of what was thrown, with its causes; absent if nothing was thrown. */
  detail: z.string().optional(),
  /** The job's input; absent if the body is not JSON. */
  input: z.unknown().optional(),
  /** The body in base64, if the body is not JSON. */
  body: z.string().optional(),
  headers: z.record(z.string(), z.string()),
});
export type DeadLetterDetail = z.infer<typeof DeadLetterDetail>;

/** A page of dead letters, oldest first. */
export const DeadLetterPage = z.object({
  deadLetters: z.array(DeadLetter),
  /** Send this cursor to get the next page. It is absent on the last page. */
  cursor: z.string().optional(),
});
export type DeadLetterPage = z.infer<typeof DeadLetterPage>;

/** The result of redriving many dead letters. */
export const RedriveReport = z.object({
  redriven: z.array(z.string()),
  failed: z.array(z.object({ id: z.string(), code: z.string() })),
  /** The error code that ended the request early: the next dead letters would have failed too. Absent if nothing ended it. */
  stopped: z.string().optional(),
  /** Send this cursor to continue. It is absent once all dead letters that existed at the first request were tried. */
  cursor: z.string().optional(),
});
export type RedriveReport = z.infer<typeof RedriveReport>;
