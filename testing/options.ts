import * as z from 'zod';
import { TOKEN } from '../shared/job/job-address.ts';
import { LIMITS } from '../shared/job/limits.ts';
import { parseDuration } from '../shared/text/duration.ts';
import { nearName } from '../shared/text/near-name.ts';

const RULES = {
  token: 'must be 1 to 64 letters, digits, "-" or "_"',
  timeout: 'must be a duration such as "5s", at most 24 hours',
  maxAttempts: `must be a whole number from 1 to ${LIMITS.maxAttempts}`,
  trace: 'must be an object with traceparent, and perhaps tracestate and baggage',
  jitter: 'must be a number from 0 up to, but not including, 1',
  milliseconds: 'must be milliseconds, from 0 on',
  signal: 'must be an AbortSignal',
  time: 'must be "fake" or "real"',
  text: 'must be a text',
  settings: 'must be an object of texts, such as { LOG_LEVEL: "debug" }',
  function: 'must be a function',
} as const;

const token = z.string(RULES.token).regex(TOKEN, RULES.token);
const milliseconds = z.number(RULES.milliseconds).min(0, RULES.milliseconds);
const settings = z.record(z.string(), z.string(RULES.text), RULES.settings);

/** The options of `runOperation`. Those that a caller of the API has too are checked by the same rules. */
export const RUN_OPTIONS = z.strictObject({
  jobId: token.optional(),
  tenant: token.optional(),
  timeout: z.string(RULES.timeout).refine(isTimeout, RULES.timeout).optional(),
  maxAttempts: z
    .int(RULES.maxAttempts)
    .min(1, RULES.maxAttempts)
    .max(LIMITS.maxAttempts, RULES.maxAttempts)
    .optional(),
  trace: z.record(z.string(), z.string().optional(), RULES.trace).optional(),
  time: z.enum(['fake', 'real'], RULES.time).optional(),
  jitter: z.number(RULES.jitter).min(0, RULES.jitter).lt(1, RULES.jitter).optional(),
  cancelAfterMs: milliseconds.optional(),
  stopAfterMs: milliseconds.optional(),
  cancel: z.instanceof(AbortSignal, { error: RULES.signal }).optional(),
});

/** The options of `startStack`. */
export const STACK_OPTIONS = z.strictObject({
  operations: z.string('must be the folder of the operations'),
  edge: settings.optional(),
  worker: settings.optional(),
  natsServerPath: z.string(RULES.text).optional(),
  onLog: z.custom((value) => typeof value === 'function', RULES.function).optional(),
});

/**
 * Checks the options of a test. Most test runners do not check types, so a misspelt option would go unnoticed.
 * @param what the function that takes the options, for the error
 * @throws TypeError that names each wrong option
 */
export function checkOptions(what: string, options: z.ZodObject, given: unknown): void {
  const { error } = options.safeParse(given);
  if (error === undefined) return;
  const sentences = error.issues.map((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => unknownOption(key, Object.keys(options.shape))).join('; ')
      : `${issue.path.join('.') || 'the options'} ${issue.message}`,
  );
  throw new TypeError(`${what}: ${sentences.join('; ')}`);
}

function unknownOption(key: string, known: readonly string[]): string {
  const near = nearName(key, known);
  const meant = near === undefined ? `the options are ${known.join(', ')}` : `did you mean ${near}?`;
  return `there is no option ${JSON.stringify(key)}; ${meant}`;
}

function isTimeout(text: string): boolean {
  const ms = parseDuration(text);
  return ms !== undefined && ms >= 1 && ms <= LIMITS.timeoutMs;
}
