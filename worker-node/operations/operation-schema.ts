import type { StandardSchemaV1 } from '@standard-schema/spec';
import { JsonSchema, type OperationAnnouncement } from '../../shared/api/operation.ts';
import { defined } from '../../shared/defined.ts';
import { ThroughlineError, type Violation } from '../../shared/errors.ts';
import { jsonPointer } from '../../shared/text/json/json-pointer.ts';
import { shortened } from '../../shared/text/shortened.ts';
import { writeJson } from '../../shared/wire/json-body.ts';
import { describeValue, tellGiven } from './describe-value.ts';
import { inputCheckOf } from './input-check/input-check.ts';
import { limitKeyFaults } from './limit-key-check.ts';
import type { Operation } from './operation.ts';
import { withoutStack } from './thrown.ts';

const MAX_VIOLATIONS = 10;
/** Path and message of a violation may hold names and texts of the input, which may be of any length. */
const MAX_TEXT = 500;

/** Standard JSON Schema, which a schema library may offer beside Standard Schema. */
interface WithJsonSchema {
  readonly jsonSchema?: Readonly<
    Record<'input' | 'output', (options: JsonSchemaOptions) => Record<string, unknown>>
  >;
}

interface JsonSchemaOptions {
  readonly target: string;
  readonly libraryOptions?: Readonly<Record<string, unknown>>;
}

/** For zod: if JSON Schema has no words for a part of a schema, the rest is still of use to people. */
const OPTIONS: JsonSchemaOptions = {
  target: 'draft-2020-12',
  libraryOptions: { unrepresentable: 'any' },
};

/** A larger announcement would not be small beside the jobs. */
const MAX_BYTES = 256 * 1024;

/**
 * The announcement of an operation in the bucket `OPERATIONS`. If it is too large, parts are left out until it fits: the
 * schemas for people first, then what the edge checks, then the description.
 * @param warn takes a sentence if parts are left out, and for each limit whose key names no property of the input
 * @param room how many bytes NATS takes
 */
export function announcementOf(
  operation: Operation,
  warn: (sentence: string) => void,
  room: number = MAX_BYTES,
): OperationAnnouncement {
  const whole = wholeAnnouncement(operation);
  limitKeyFaults(whole).forEach(warn);
  const limit = Math.min(room, MAX_BYTES);
  const { length } = writeJson(whole);
  if (length <= limit) return whole;
  warn(
    `the announcement of ${operation.name} is ${length} bytes of JSON, and at most ${limit} are announced; its schemas are not shown`,
  );
  const { outputSchema: _, ...leaner } = { ...whole, inputSchema: true };
  if (writeJson(leaner).length <= limit) return leaner;
  const { description: __, ...least } = { ...leaner, inputCheck: true, inputCheckIsWhole: false };
  return least;
}

function wholeAnnouncement(operation: Operation): OperationAnnouncement {
  const { schema: inputCheck, isWhole: inputCheckIsWhole } = inputCheckOf(operation.input);
  return defined({
    name: operation.name,
    inputSchema: jsonSchemaOf(operation.input, 'input'),
    inputCheck,
    inputCheckIsWhole,
    outputSchema: operation.output && jsonSchemaOf(operation.output, 'output'),
    timeoutMs: operation.timeoutMs,
    maxAttempts: operation.maxAttempts,
    concurrency: operation.concurrencyLimit,
    rateLimit: operation.rateLimit,
    description: operation.description,
  });
}

/**
 * Checks `value` against a schema.
 * @returns the schema's output (defaults filled in, values transformed)
 * @throws ThroughlineError `input-invalid` with the paths that fail; TypeError if the schema does not keep to Standard Schema; and
 *   what code of the author throws
 */
export async function validate(schema: StandardSchemaV1, value: unknown, what: string): Promise<unknown> {
  const result: unknown = await schema['~standard'].validate(value);
  if (!isResult(result))
    throw new TypeError(
      `the schema of the ${what} gave ${describeValue(result)}, not a value or a list of issues`,
    );
  if (result.issues === undefined) return result.value;
  const violations = violationsOf(result.issues);
  const summary = violations.map(({ path, message }) => `${path || '/'} ${message}`).join('; ');
  const message = `the ${what} does not fit its schema: ${summary}`;
  throw withoutStack(new ThroughlineError('input-invalid', message, { violations }));
}

/** The schema as people and tools read it; `true` if the library has no JSON Schema, or gives something else. */
function jsonSchemaOf(schema: StandardSchemaV1, side: 'input' | 'output'): JsonSchema {
  const standard: StandardSchemaV1.Props & WithJsonSchema = schema['~standard'];
  try {
    const schema: unknown = standard.jsonSchema?.[side](OPTIONS) ?? true;
    return JsonSchema.parse(JSON.parse(JSON.stringify(schema)));
  } catch {
    // Code of the author ran. What it gave is no JSON, or no schema.
    return true;
  }
}

/** Whether a library keeps to Standard Schema. */
function isResult(given: unknown): given is StandardSchemaV1.Result<unknown> {
  if (typeof given !== 'object' || given === null) return false;
  const { issues } = given as { readonly issues?: unknown };
  return issues === undefined ? 'value' in given : Array.isArray(issues);
}

function violationsOf(issues: readonly StandardSchemaV1.Issue[]): Violation[] {
  const violations = [...issues].slice(0, MAX_VIOLATIONS).map(violationOf);
  return violations.length > 0 ? violations : [violationOf(undefined)];
}

function violationOf(issue: Partial<StandardSchemaV1.Issue> | null | undefined): Violation {
  // A list of the library's own class, as arktype makes its paths, would make another one, with its length as a key.
  const keys = [...(issue?.path ?? [])].map((part) => (typeof part === 'object' ? part.key : part));
  return {
    path: shortened(jsonPointer(keys), MAX_TEXT),
    message: shortened(tellGiven(issue?.message || 'is not valid'), MAX_TEXT),
  };
}
