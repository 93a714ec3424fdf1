import { format, Validator } from '@cfworker/json-schema';
import { closest, distance } from 'fastest-levenshtein';
import type { OperationAnnouncement } from '../../shared/api/operation.ts';
import { ThroughlineError, type Violation } from '../../shared/errors.ts';

const MAX_SUGGESTIONS = 3;
const MAX_VIOLATIONS = 10;
const MAX_TEXT = 200;

// The library adds a format that JSON Schema does not have, and checks it with an expression that takes exponential time: 40
// letters in an input would stop a bridge for all its tenants. Without the format, only the worker checks such a value.
Reflect.deleteProperty(format, 'url');

interface KnownOperation {
  readonly announcement: OperationAnnouncement;
  /** What is wrong with an input; empty when it fits the schema. */
  readonly validate: (input: unknown) => Violation[];
}

/** Announced operations, each with a validator for its inputs. */
export class KnownOperations {
  readonly #known = new Map<string, KnownOperation>();

  /** All of them, sorted by name. */
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
   * Checks an input against the operation `name`.
   * @returns its announcement
   * @throws ThroughlineError `operation-unknown` with similar names; `input-invalid` with the paths that fail
   */
  check(name: string, input: unknown): OperationAnnouncement {
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
    const suggestions = similarNames(name, [...this.#known.keys()]);
    const hint =
      suggestions.length > 0 ? `did you mean ${suggestions.join(' or ')}?` : 'see GET /v1/operations';
    return new ThroughlineError('operation-unknown', `no worker has announced ${name}; ${hint}`, {
      suggestions,
    });
  }
}

function similarNames(name: string, known: string[]): string[] {
  if (known.length === 0) return [];
  const limit = Math.max(2, Math.floor(name.length / 2));
  const nearest = closest(name, known);
  return (
    known
      .map((candidate) => ({ candidate, steps: distance(name, candidate) }))
      .filter(({ candidate, steps }) => steps <= limit || isPart(name, candidate) || candidate === nearest)
      // A longer name that begins with this one is likelier than a name that only looks like it.
      .sort(
        (a, b) => Number(isPart(name, b.candidate)) - Number(isPart(name, a.candidate)) || a.steps - b.steps,
      )
      .slice(0, MAX_SUGGESTIONS)
      .map(({ candidate }) => candidate)
  );
}

const isPart = (name: string, candidate: string): boolean => candidate.startsWith(`${name}.`);

/** A schema that the edge cannot read (a pattern, a reference of another dialect) is checked by the worker alone. */
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

/** The validator reports each level above a wrong value too. Only the deepest reports say what is wrong. */
function leafViolations(
  errors: readonly { instanceLocation: string; error: string; keyword: string }[],
): Violation[] {
  const inner = errors.filter(
    ({ keyword }) => keyword !== 'properties' && keyword !== 'items' && keyword !== '$ref',
  );
  return (inner.length > 0 ? inner : errors).slice(0, MAX_VIOLATIONS).map(({ instanceLocation, error }) => ({
    // Both hold names from the caller's input, which may be of any length.
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
