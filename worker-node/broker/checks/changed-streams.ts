import { type Finding, findingText, fixText } from '../../../shared/nats/finding.ts';
import { streamFindings } from '../../../shared/nats/stream-rules.ts';
import type { StreamDefinition } from '../../../shared/nats/streams.ts';
import type { WorkerLogger } from '../../log.ts';

/** Remembers which streams somebody has changed or deleted while the worker runs, so that a promise is broken. */
export class ChangedStreams {
  readonly #definitions: ReadonlyMap<string, StreamDefinition>;
  readonly #log: Pick<WorkerLogger, 'warn'>;
  readonly #findings = new Map<string, readonly Finding[]>();
  readonly #missing = new Set<string>();

  /** @param definitions what the streams should be */
  constructor(definitions: readonly StreamDefinition[], log: Pick<WorkerLogger, 'warn'>) {
    this.#definitions = new Map(definitions.map((definition) => [definition.name, definition]));
    this.#log = log;
  }

  /** Whether a stream is gone. */
  isMissing(stream: string): boolean {
    return this.#missing.has(stream);
  }

  /** A sentence about each setting that was changed, and each stream that is gone. */
  get warnings(): string[] {
    return [...[...this.#findings.values()].flat().map(findingText), ...[...this.#missing].map(missingText)];
  }

  /** The stream is gone. The log says so once. */
  miss(stream: string): void {
    this.#findings.delete(stream);
    if (!this.#definitions.has(stream) || this.#missing.has(stream)) return;
    this.#missing.add(stream);
    this.#log.warn({ stream, reason: missingText(stream) }, 'stream deleted');
  }

  /** Compares a stream with its definition. The log says once what is new. @param config as nats-server gives it */
  see(stream: string, config: Readonly<Record<string, unknown>>): void {
    const definition = this.#definitions.get(stream);
    if (definition === undefined) return;
    this.#missing.delete(stream);
    const known = (this.#findings.get(stream) ?? []).map(findingText);
    const findings = streamFindings(config, definition).filter(({ level }) => level === 'breaks');
    this.#findings.set(stream, findings);
    for (const finding of findings)
      if (!known.includes(findingText(finding)))
        this.#log.warn({ stream, reason: findingText(finding), fix: fixText(finding) }, 'stream changed');
  }
}

/** The sentence about a stream that is gone. */
export function missingText(stream: string): string {
  return `stream ${stream}: it is gone; run \`throughline setup\``;
}
