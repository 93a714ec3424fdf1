import type { Following } from '../../../edge/nats/jetstream/subject-follower.ts';
import type { StoredMessage, StreamExtent } from '../../../edge/nats/stored-message.ts';
import type { SubjectPageQuery } from '../../../edge/nats/subject-page.ts';
import { HEADER, headerValues } from '../../../shared/wire/headers.ts';
import { subjectMatches } from '../../../shared/wire/subjects.ts';

/** What JetStream answers to a message that was published. */
export type Stored = 'stored' | 'duplicate' | 'not-the-last';

/** A stream of JetStream that lives in this process. It keeps all that it takes, and forgets no `Nats-Msg-Id`. */
export class MemoryStream {
  readonly #created = new Date().toISOString();
  readonly #messageIds = new Set<string>();
  readonly #followers = new Set<Following>();
  #messages: StoredMessage[] = [];
  #last = 0;

  get messages(): readonly StoredMessage[] {
    return this.#messages;
  }

  /** How many bytes it may hold. It takes more: the caller keeps this cap. */
  cap: number | undefined;

  /** What it says about the share of one tenant. */
  tenantShare: number | undefined;

  get extent(): StreamExtent {
    const nothing = this.#last === 0 ? 0 : this.#last + 1;
    return {
      created: this.#created,
      first: this.#messages[0]?.sequence ?? nothing,
      firstMs: this.#messages[0]?.time.getTime() ?? 0,
      last: this.#last,
      bytes: this.#messages.reduce((sum, { data }) => sum + data.length, 0),
      cap: this.cap,
      tenantShare: this.tenantShare,
    };
  }

  /** Appends a message. @param after the sequence that the last message on this subject must have (0: none) */
  append(subject: string, headers: StoredMessage['headers'], data: Uint8Array, after?: number): Stored {
    const [messageId] = headerValues(headers)(HEADER.msgId);
    if (messageId !== undefined && this.#messageIds.has(messageId)) return 'duplicate';
    if (after !== undefined && (this.lastOn(subject)?.sequence ?? 0) !== after) return 'not-the-last';
    this.put({ subject, headers, data, sequence: this.#last + 1, time: new Date() });
    return 'stored';
  }

  /** Adds a message at the sequence that it names, which is above all that are there. */
  put(message: StoredMessage): void {
    const [messageId] = headerValues(message.headers)(HEADER.msgId);
    if (messageId !== undefined) this.#messageIds.add(messageId);
    this.#messages.push(message);
    this.#last = message.sequence;
    for (const { subject, take } of this.#followers) if (subject === message.subject) take(message);
  }

  remove(isGone: (message: StoredMessage) => boolean): void {
    this.#messages = this.#messages.filter((message) => !isGone(message));
  }

  lastOn(filter: string): StoredMessage | undefined {
    return this.#messages.findLast(({ subject }) => subjectMatches(filter, subject));
  }

  /** What is stored on a subject from a sequence on. */
  from(filter: string, sequence: number): StoredMessage[] {
    return this.#messages.filter(
      (message) => message.sequence >= sequence && subjectMatches(filter, message.subject),
    );
  }

  page({ subject, from, maxMessages, maxBytes }: SubjectPageQuery): StoredMessage[] {
    const page: StoredMessage[] = [];
    let bytes = 0;
    for (const message of this.from(subject, from)) {
      bytes += message.data.length;
      // As the server does: at least one message, however long it is.
      if (page.length === maxMessages || (page.length > 0 && bytes > maxBytes)) break;
      page.push(message);
    }
    return page;
  }

  /** Gives what is stored, then all that comes. @returns what stops it */
  follow(following: Following): () => void {
    for (const message of this.from(following.subject, following.from)) following.take(message);
    this.#followers.add(following);
    return () => void this.#followers.delete(following);
  }

  /** Loses its followers, as when the server restarts. */
  loseFollowers(): void {
    const followers = [...this.#followers];
    this.#followers.clear();
    for (const { onLost } of followers) onLost();
  }
}
