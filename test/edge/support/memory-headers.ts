import type { WriteHeaders } from '../../../edge/nats/broker-session.ts';
import type { NatsHeadersLike } from '../../../shared/propagation/index.ts';

/** Headers of a message, with one value each. Their names match only as they are written, as in NATS. */
export class MemoryHeaders implements NatsHeadersLike {
  readonly fields: Readonly<Record<string, string>>;

  constructor(fields: Readonly<Record<string, string>>) {
    this.fields = fields;
  }

  keys(): string[] {
    return Object.keys(this.fields);
  }

  values(name: string): string[] {
    const value = this.fields[name];
    return value === undefined ? [] : [value];
  }
}

/** What `writeHeaders` sets. */
export function writtenHeaders(writeHeaders: WriteHeaders): MemoryHeaders {
  const fields: Record<string, string> = {};
  writeHeaders((name, value) => {
    fields[name] = value;
  });
  return new MemoryHeaders(fields);
}
