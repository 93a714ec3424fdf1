import { Validator } from '@cfworker/json-schema';
import { closest, distance } from 'fastest-levenshtein';
import { ThroughlineError, type Violation } from '../../shared/errors.ts';
import { OperationAnnouncement } from '../../shared/operation.ts';
import type { Logger } from '../log.ts';
import type { BrokerSession } from './broker-session.ts';

const MAX_SUGGESTIONS = 3;
const MAX_VIOLATIONS = 10;
const MAX_TEXT = 200;

/** What the directory uses of a session. */
type WatchedSession = Pick<BrokerSession, 'watchOperations' | 'operation'>;

interface KnownOperation {
  readonly announcement: OperationAnnouncement;
  /** What is wrong with an input; empty when it fits. */
  readonly validate: (input: unknown) => Violation[];
}

/** What workers have announced, kept up to date by a watch on the `OPERATIONS` bucket; one per session. */
export class OperationDirectory {
  readonly #session: WatchedSession;
  readonly #log: Logger;
  readonly #known = new Map<string, KnownOperation>();
  #ready: Promise<void> | undefined;

  constructor(session: WatchedSession, log: Logger) {
    this.#session = session;
    this.#log = log;
  }

  /** All announced operations, by name. @throws ThroughlineError `broker-unavailable` */
  async list(): Promise<OperationAnnouncement[]> {
    await this.#watch();
    return [...this.#known.values()]
      .map(({ announcement }) => announcement)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * The announcement of `name`, for an input that fits it.
   * @throws ThroughlineError `operation-unknown` with the names that are near; `input-invalid` with the paths that
   *   fail; `broker-unavailable`
   */
  async accept(name: string, input: unknown): Promise<OperationAnnouncement> {
    await this.#watch();
    const operation = this.#known.get(name) ?? (await this.#lookUp(name));
    if (operation === undefined) throw this.#unknown(name);
    const violations = operation.validate(input);
    if (violations.length === 0) return operation.announcement;
    throw new ThroughlineError(
      'input-invalid',
      `the input does not fit the schema of ${name}: ${violations.map(({ path, message }) => `${path || '/'} ${message}`).join('; ')}`,
      { violations },
    );
  }

  /** Starts the watch, or waits for the one that starts; after its end, or a failure, the next call starts anew. */
  #watch(): Promise<void> {
    const again = (): void => {
      this.#ready = undefined;
      // What is deleted while nobody watches would stay known for ever.
      this.#known.clear();
    };
    this.#ready ??= this.#session
      .watchOperations(({ key, value }) => this.#take(key, value), again)
      .catch((thrown: unknown) => {
        again();
        throw thrown;
      });
    return this.#ready;
  }

  /** A worker may have announced it a moment ago, so the bucket is asked before a caller is refused. */
  async #lookUp(name: string): Promise<KnownOperation | undefined> {
    const value = await this.#session.operation(name);
    return value === undefined ? undefined : this.#take(name, value);
  }

  #take(key: string, value: Uint8Array | undefined): KnownOperation | undefined {
    const announcement = value === undefined ? undefined : readAnnouncement(value);
    if (announcement === undefined || announcement.name !== key) {
      this.#known.delete(key);
      if (value !== undefined) this.#log.warn('an announcement cannot be read', { operation: key });
      return undefined;
    }
    const operation = { announcement, validate: validatorOf(announcement) };
    this.#known.set(key, operation);
    return operation;
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

function readAnnouncement(value: Uint8Array): OperationAnnouncement | undefined {
  try {
    return OperationAnnouncement.safeParse(JSON.parse(new TextDecoder().decode(value))).data;
  } catch {
    return undefined;
  }
}
