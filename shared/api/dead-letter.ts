import * as z from 'zod';

/** A job whose attempts are spent, as the HTTP API lists it. */
export const DeadLetter = z.object({
  /** The job's id. */
  id: z.string(),
  operation: z.string(),
  /** The code of the error that ended the job. */
  reason: z.string(),
  attempts: z.int().min(0),
  diedAt: z.iso.datetime(),
  /** The trace that the job died in; empty where its message had none. */
  traceId: z.string(),
  /** How often the job was redriven before; absent where it was never. */
  redriveCount: z.int().min(1).optional(),
  links: z.object({ self: z.string(), job: z.string() }),
});
export type DeadLetter = z.infer<typeof DeadLetter>;

/** A dead letter with all that it holds. */
export const DeadLetterDetail = DeadLetter.extend({
  /** The job's input; absent where the body is no JSON. */
  input: z.unknown().optional(),
  /** The body in base64, where it is no JSON. */
  body: z.string().optional(),
  headers: z.record(z.string(), z.string()),
});
export type DeadLetterDetail = z.infer<typeof DeadLetterDetail>;

/** A page of dead letters, oldest first. */
export const DeadLetterPage = z.object({
  deadLetters: z.array(DeadLetter),
  /** Where the next page begins; absent on the last one. */
  cursor: z.string().optional(),
});
export type DeadLetterPage = z.infer<typeof DeadLetterPage>;

/** What became of many dead letters. */
export const RedriveReport = z.object({
  redriven: z.array(z.string()),
  failed: z.array(z.object({ id: z.string(), code: z.string() })),
  /** What to ask with for the rest; absent when all were looked at that were dead when the first request came. */
  cursor: z.string().optional(),
});
export type RedriveReport = z.infer<typeof RedriveReport>;

/** Bounds of a page, and of a redrive of many. */
export const DEAD_LETTER_LIMITS = { page: 100, defaultPage: 20 } as const;
