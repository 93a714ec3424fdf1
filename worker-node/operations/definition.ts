import type { StandardSchemaV1 } from '@standard-schema/spec';
import * as z from 'zod';
import type { ConcurrencyLimit, RateLimit } from '../../shared/api/operation.ts';
import { defined } from '../../shared/defined.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { isOperationName } from '../../shared/job/job-address.ts';
import { isLimitKey } from '../../shared/job/limit-key.ts';
import { LIMITS } from '../../shared/job/limits.ts';
import { parseDuration } from '../../shared/text/duration.ts';
import { nearName } from '../../shared/text/near-name.ts';
import { describeValue } from './describe-value.ts';

const DEFAULT_TIMEOUT_MS = 30_000;
export const DEFAULT_MAX_ATTEMPTS = 5;
const DEFAULT_RETRY: RetryPolicy = { minDelayMs: 1_000, maxDelayMs: 60_000 };
const DAY_MS = 24 * 60 * 60 * 1_000;

const name = z.string().refine(isOperationName);
const timeout = z.string().transform(parseDuration).pipe(z.int().min(1).max(LIMITS.timeoutMs));
const schema = z.custom<StandardSchemaV1<unknown, unknown>>(isSchema);
const delayMs = z.number().min(0).max(DAY_MS);

const key = z.string().refine(isLimitKey);
const limit = z.int().min(1).max(LIMITS.perKey);
const MAX_PER_HOST = 1_000_000;
const perHost = z.int().min(1).max(MAX_PER_HOST);
const period = z.string().transform(parseDuration).pipe(z.int().min(1_000).max(LIMITS.ratePeriodMs));

/** What an author may pass to `defineOperation`. Authors who write JavaScript have no types. */
const Definition = z.strictObject({
  name,
  description: z.string().max(10_000).optional(),
  input: schema,
  output: schema.optional(),
  timeout: timeout.default(DEFAULT_TIMEOUT_MS),
  maxAttempts: z.int().min(1).max(LIMITS.maxAttempts).default(DEFAULT_MAX_ATTEMPTS),
  concurrency: z.union([perHost, z.strictObject({ key, limit, perHost: perHost.optional() })]).optional(),
  rateLimit: z.strictObject({ key, limit, period }).optional(),
  retry: z
    .strictObject({ minDelayMs: delayMs.optional(), maxDelayMs: delayMs.optional() })
    .refine(({ minDelayMs = 0, maxDelayMs = DAY_MS }) => minDelayMs <= maxDelayMs)
    .default({}),
  tracing: z
    .strictObject({
      errors: z.enum(['final', 'all']).default('final'),
      late: z.enum(['continuous', 'linked']).default('continuous'),
    })
    .default({ errors: 'final', late: 'continuous' }),
  record: z.enum(['attempts', 'end']).default('attempts'),
  run: z.custom<(context: never) => unknown>((value) => typeof value === 'function'),
});

const KEY_WORDS = `"tenant" or a JSON Pointer into the input, such as "/customer/id"`;
const KEY_RULE = `key ${KEY_WORDS}`;
const LIMIT_RULE = `must be a whole number from 1 to ${LIMITS.perKey}`;

/** What each setting has to be. */
const RULES: Readonly<Record<string, string>> = {
  name: 'must be dotted lowercase words, such as image.thumbnail, of at most 128 characters',
  description: 'must be a text of at most 10,000 characters',
  input: 'must be a Standard Schema, such as one of zod, from version 3.24 on',
  output: 'must be a Standard Schema, or left out',
  timeout: 'must be like "30s", at most 24h',
  maxAttempts: `must be a whole number from 1 to ${LIMITS.maxAttempts}`,
  concurrency: `must be a whole number of 1 or more, or { key, limit, perHost }: ${KEY_RULE}, limit from 1 to ${LIMITS.perKey}`,
  rateLimit: `must be { key, limit, period }: ${KEY_RULE}, limit from 1 to ${LIMITS.perKey}, period like "1m", from 1s to 24h`,
  'concurrency.key': `must be ${KEY_WORDS}`,
  'concurrency.limit': LIMIT_RULE,
  'concurrency.perHost': `must be a whole number from 1 to ${MAX_PER_HOST}`,
  'rateLimit.key': `must be ${KEY_WORDS}`,
  'rateLimit.limit': LIMIT_RULE,
  'rateLimit.period': 'must be like "1m", from 1s to 24h',
  retry: 'must be { minDelayMs, maxDelayMs }, and minDelayMs must not be larger than maxDelayMs',
  'retry.minDelayMs': `must be milliseconds from 0 to ${DAY_MS} (24h)`,
  'retry.maxDelayMs': `must be milliseconds from 0 to ${DAY_MS} (24h)`,
  tracing: 'must be { errors, late }',
  'tracing.errors': 'must be "final" or "all"',
  'tracing.late': 'must be "continuous" or "linked"',
  record: 'must be "attempts" or "end"',
  run: 'must be a function',
};

/** Settings whose sentence also tells what was given. */
const GIVEN_IS_TOLD = /^(?:concurrency|rateLimit)\./;

/**
 * The longest pauses between the attempts of a job, in milliseconds. The longest pause doubles with each attempt, and a pause is a
 * random part of it: `minDelayMs` is no lower limit. The names stay, because authors have them in their operations.
 */
export interface RetryPolicy {
  /** The longest pause after the first attempt. */
  readonly minDelayMs: number;
  /** The longest pause after any attempt. */
  readonly maxDelayMs: number;
}

/** The settings of an operation, checked and complete. */
export interface Settings
  extends Omit<z.output<typeof Definition>, 'concurrency' | 'rateLimit' | 'retry' | 'timeout'> {
  readonly timeoutMs: number;
  /** How many attempts may run at the same time in one worker. */
  readonly concurrency: number;
  readonly concurrencyLimit?: ConcurrencyLimit;
  readonly rateLimit?: RateLimit;
  readonly retry: RetryPolicy;
}

/**
 * Checks a definition.
 * @throws ThroughlineError `config-invalid` naming the operation and each wrong setting
 */
export function readDefinition(definition: unknown): Settings {
  const parsed = parse(definition);
  if (!parsed.success) throw refusal(definition, parsed.error);
  const { timeout: timeoutMs, retry, concurrency, rateLimit, ...settings } = parsed.data;
  return { ...settings, timeoutMs, ...limitsOf({ concurrency, rateLimit }), retry: policyOf(retry) };
}

/** A number limits one host; an object limits all of them together, for each value of its key. */
function limitsOf({
  concurrency = Number.POSITIVE_INFINITY,
  rateLimit,
}: Pick<z.output<typeof Definition>, 'concurrency' | 'rateLimit'>): Pick<
  Settings,
  'concurrency' | 'concurrencyLimit' | 'rateLimit'
> {
  const rate = rateLimit && { key: rateLimit.key, limit: rateLimit.limit, periodMs: rateLimit.period };
  const limits = defined({ rateLimit: rate });
  if (typeof concurrency === 'number') return { concurrency, ...limits };
  const { key, limit, perHost = Number.POSITIVE_INFINITY } = concurrency;
  return { concurrency: perHost, concurrencyLimit: { key, limit }, ...limits };
}

/** Code of the author may run: a getter, a trap of a proxy. */
function parse(definition: unknown): ReturnType<typeof Definition.safeParse> {
  try {
    return Definition.safeParse(definition, { reportInput: true });
  } catch (cause) {
    const message = `defineOperation was given ${describeValue(definition)} that throws when it is read`;
    throw new ThroughlineError('config-invalid', message, { cause });
  }
}

/** An author who sets only one of the two pauses moves the other one along, if it would be on the wrong side. */
function policyOf({ minDelayMs, maxDelayMs }: z.output<typeof Definition>['retry']): RetryPolicy {
  const first = minDelayMs ?? Math.min(DEFAULT_RETRY.minDelayMs, maxDelayMs ?? DAY_MS);
  return { minDelayMs: first, maxDelayMs: maxDelayMs ?? Math.max(DEFAULT_RETRY.maxDelayMs, first) };
}

function refusal(definition: unknown, { issues }: z.ZodError): ThroughlineError {
  if (issues.some(({ path, code }) => path.length === 0 && code === 'invalid_type'))
    return new ThroughlineError(
      'config-invalid',
      `defineOperation was given ${describeValue(definition)}, not an object`,
    );
  const { name } = definition as { readonly name?: unknown };
  const sentences = [...new Set(issues.flatMap((issue) => sentencesOf(issue)))];
  const isPlain = typeof name === 'string' && isOperationName(name);
  const subject = isPlain ? name : name === '' ? '""' : describeValue(name).replace(/^the text /, '');
  return new ThroughlineError('config-invalid', `operation ${subject}: ${sentences.join('; ')}`);
}

/** @param parent the path of the setting that the path of the issue begins in */
function sentencesOf(issue: z.core.$ZodIssue, parent: readonly PropertyKey[] = []): string[] {
  const path = [...parent, ...issue.path];
  const setting = path.join('.');
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownSetting(setting, key));
  const issues = issue.code === 'invalid_union' ? nearestIssues(issue) : [];
  if (issues.length > 0) return issues.flatMap((inner) => sentencesOf(inner, path));
  const given = GIVEN_IS_TOLD.test(setting) ? `, not ${describeValue(issue.input)}` : '';
  return [`${setting} ${RULES[setting] ?? 'is not valid'}${given}`];
}

/** The issues of the form that the author meant: the one for the kind of value that was given. */
function nearestIssues({ errors }: z.core.$ZodIssueInvalidUnion): readonly z.core.$ZodIssue[] {
  return errors.find((issues) => !issues.some((i) => i.path.length === 0 && i.code === 'invalid_type')) ?? [];
}

function unknownSetting(parent: string, key: string): string {
  if (Object.keys(Object.prototype).includes(key))
    return `some code has added ${JSON.stringify(key)} to Object.prototype, so each object seems to have it; it must be added as a property that is not enumerable`;
  const prefix = parent === '' ? '' : `${parent}.`;
  const known = Object.keys(RULES)
    .filter((rule) => rule.startsWith(prefix) && !rule.slice(prefix.length).includes('.'))
    .map((rule) => rule.slice(prefix.length));
  const near = nearName(key, known);
  const meant = near === undefined ? `the settings are ${known.join(', ')}` : `did you mean ${near}?`;
  return `there is no setting ${JSON.stringify(`${prefix}${key}`)}; ${meant}`;
}

function isSchema(value: unknown): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const standard = (value as Partial<StandardSchemaV1>)['~standard'];
  return typeof standard?.validate === 'function';
}
