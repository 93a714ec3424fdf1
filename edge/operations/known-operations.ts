import { format, Validator } from '@cfworker/json-schema';
import { closest, distance } from 'fastest-levenshtein';
import type { OperationAnnouncement } from '../../shared/api/operation.ts';
import { ThroughlineError, type Violation } from '../../shared/errors.ts';

const MAX_SUGGESTIONS = 3;
const MAX_VIOLATIONS = 10;
const MAX_TEXT = 200;

// No format of JSON Schema, but the library knows it, by an expression that takes exponential time: 40 letters in an input
// would stop a bridge for all its tenants. Without it the worker alone checks.
Reflect.deleteProperty(format, 'url');

interface KnownOperation {
  readonly announcement: OperationAnnouncement;
  /** What is wrong with an input; empty when it fits. */
  readonly validate: (input: unknown) => Violation[];
}

/** Announced operations, with what it takes to check an input. */
export class KnownOperations {
  readonly #known = new Map<string, KnownOperation>();

  /** By name. */
  list(): OperationAnnouncement[] {
    return [...this.#known.values()]
      .map(({ announcement }) => announcement)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  has(name: string): boolean {
    return this.#known.has(name);
  }

  put(announcement: OperationAnnouncement): void {
    this.#known.set(announcement.name, { announcement, validate: validatorOf(announcement) });
  }

  delete(name: string): void {
    this.#known.delete(name);
  }

  clear(): void {
    this.#known.clear();
  }

  /**
   * The announcement of `name`, for an input that fits it.
   * @throws ThroughlineError `operation-unknown` with the names that are near; `input-invalid` with the paths that fail
   */
  accept(name: string, input: unknown): OperationAnnouncement {
    const operation = this.#known.get(name);
    if (operation === undefined) throw this.#unknown(name);
    const violations = operation.validate(input);
    if (violations.length === 0) return operation.announcement;
    throw new ThroughlineError(
      'input-invalid',
      `the input does not fit the schema of ${name}: ${violations.map(({ path, message }) => `${path || '/'} ${message}`).join('; ')}`,
      { violations },
    );
  }

  #unknown(name: string): ThroughlineError {
    const suggestions = near(name, [...this.#known.keys()]);
    const hint =
      suggestions.length > 0 ? `did you mean ${suggestions.join(' or ')}?` : 'see GET /v1/operations';
    return new ThroughlineError('operation-unknown', `no worker has announced ${name}; ${hint}`, {
      suggestions,
    });
  }
}

function near(name: string, known: string[]): string[] {
  if (known.length === 0) return [];
  const limit = Math.max(2, Math.floor(name.length / 2));
  const nearest = closest(name, known);
  return (
    known
      .map((candidate) => ({ candidate, steps: distance(name, candidate) }))
      .filter(({ candidate, steps }) => steps <= limit || isPart(name, candidate) || candidate === nearest)
      // A name that goes on where this one ends is the likelier slip than one that only looks like it.
      .sort(
        (a, b) => Number(isPart(name, b.candidate)) - Number(isPart(name, a.candidate)) || a.steps - b.steps,
      )
      .slice(0, MAX_SUGGESTIONS)
      .map(({ candidate }) => candidate)
  );
}

const isPart = (name: string, candidate: string): boolean => candidate.startsWith(`${name}.`);

/** Where the edge cannot read a schema (a pattern, a reference of another dialect), the worker alone checks. */
function validatorOf({ inputSchema }: OperationAnnouncement): KnownOperation['validate'] {
  try {
    const validator = new Validator(inputSchema, '2020-12', false);
    return (input) => {
      try {
        const { valid, errors } = validator.validate(input);
        return valid ? [] : leafViolations(errors);
      } catch {
        return [];
      }
    };
  } catch {
    return () => [];
  }
}

/** The validator reports a failing branch at each level above the value; only the deepest say what is wrong. */
function leafViolations(
  errors: readonly { instanceLocation: string; error: string; keyword: string }[],
): Violation[] {
  const inner = errors.filter(
    ({ keyword }) => keyword !== 'properties' && keyword !== 'items' && keyword !== '$ref',
  );
  return (inner.length > 0 ? inner : errors).slice(0, MAX_VIOLATIONS).map(({ instanceLocation, error }) => ({
    // Both hold names that the caller made up, as long as he likes.
    path: decodeFragment(instanceLocation).slice(0, MAX_TEXT),
    message: error.slice(0, MAX_TEXT),
  }));
}

/** The validator writes a JSON Pointer as a URI fragment: `#/two%20words` (RFC 6901, section 6). */
function decodeFragment(location: string): string {
  try {
    return decodeURIComponent(location.replace(/^#/, ''));
  } catch {
    return location;
  }
}
