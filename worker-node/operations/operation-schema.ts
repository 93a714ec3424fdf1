import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { JsonSchema, OperationAnnouncement } from '../../shared/api/operation.ts';
import { ThroughlineError, type Violation } from '../../shared/errors.ts';
import { jsonPointer } from '../../shared/text/json.ts';
import { inputCheckOf } from './input-check/input-check.ts';
import type { Operation } from './operation.ts';

const MAX_VIOLATIONS = 10;

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

/** The announcement of an operation in the bucket `OPERATIONS`. */
export function announcementOf(operation: Operation): OperationAnnouncement {
  const { schema: inputCheck, isWhole: inputCheckIsWhole } = inputCheckOf(operation.input);
  return {
    name: operation.name,
    inputSchema: jsonSchemaOf(operation.input, 'input'),
    ...{ inputCheck, inputCheckIsWhole },
    ...(operation.output === undefined ? {} : { outputSchema: jsonSchemaOf(operation.output, 'output') }),
    timeoutMs: operation.timeoutMs,
    maxAttempts: operation.maxAttempts,
    ...(operation.description === undefined ? {} : { description: operation.description }),
  };
}

/**
 * Checks `value` against a schema.
 * @returns the schema's output (defaults filled in, values transformed)
 * @throws ThroughlineError `input-invalid` with the paths that fail
 */
export async function validate(schema: StandardSchemaV1, value: unknown, what: string): Promise<unknown> {
  const result = await schema['~standard'].validate(value);
  if (result.issues === undefined) return result.value;
  const violations = result.issues.slice(0, MAX_VIOLATIONS).map(violationOf);
  const summary = violations.map(({ path, message }) => `${path || '/'} ${message}`).join('; ');
  throw new ThroughlineError('input-invalid', `the ${what} does not fit its schema: ${summary}`, {
    violations,
  });
}

/** The schema as people and tools read it; `true` if the library has no JSON Schema. */
function jsonSchemaOf(schema: StandardSchemaV1, side: 'input' | 'output'): JsonSchema {
  const standard: StandardSchemaV1.Props & WithJsonSchema = schema['~standard'];
  try {
    return standard.jsonSchema?.[side](OPTIONS) ?? true;
  } catch {
    return true;
  }
}

function violationOf(issue: StandardSchemaV1.Issue): Violation {
  const keys = (issue.path ?? []).map((part) => (typeof part === 'object' ? part.key : part));
  return { path: jsonPointer(keys), message: issue.message };
}
