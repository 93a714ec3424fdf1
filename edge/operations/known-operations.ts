import { distance } from '../../shared/text/distance.ts';
import type { OperationAnnouncement } from '../../shared/api/operation.ts';
import { ThroughlineError } from '../../shared/errors.ts';

const MAX_SUGGESTIONS = 3;

/** Announced operations, by name. */
export class KnownOperations {
  readonly #known = new Map<string, OperationAnnouncement>();

  /** All of them, sorted by name. */
  list(): OperationAnnouncement[] {
    return [...this.#known.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  has(name: string): boolean {
    return this.#known.has(name);
  }

  put(announcement: OperationAnnouncement): void {
    this.#known.set(announcement.name, announcement);
  }

  delete(name: string): void {
    this.#known.delete(name);
  }

  clear(): void {
    this.#known.clear();
  }

  /** The announcement of an operation. @throws ThroughlineError `operation-unknown` with similar names */
  find(name: string): OperationAnnouncement {
    const announcement = this.#known.get(name);
    if (announcement === undefined) throw this.#unknown(name);
    return announcement;
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
  return (
    known
      // Most names differ too much in length, and are not compared.
      .filter(
        (candidate) => isPart(name, candidate) || Math.abs(name.length - candidate.length) <= name.length / 2,
      )
      .map((candidate) => ({ candidate, steps: distance(name, candidate) }))
      .filter(({ candidate, steps }) => steps <= name.length / 2 || isPart(name, candidate))
      // A longer name that begins with this one comes before a name that only looks like it.
      .sort(
        (a, b) => Number(isPart(name, b.candidate)) - Number(isPart(name, a.candidate)) || a.steps - b.steps,
      )
      .slice(0, MAX_SUGGESTIONS)
      .map(({ candidate }) => candidate)
  );
}

const isPart = (name: string, candidate: string): boolean => candidate.startsWith(`${name}.`);
