import type { MsgHdrs, NatsConnection, Subscription } from '@nats-io/nats-core';

/** Gets the body and the headers of a message. */
export type TakeMessage = (data: Uint8Array, headers: MsgHdrs | undefined) => void;

interface Shared {
  readonly subscription: Subscription;
  readonly listeners: Set<TakeMessage>;
}

/**
 * The subscriptions of one connection: one for each subject, however many listen to it. nats-server sends a message once for each
 * subscription.
 */
export class SharedSubscriptions {
  readonly #connection: Pick<NatsConnection, 'subscribe'>;
  readonly #shared = new Map<string, Shared>();

  constructor(connection: Pick<NatsConnection, 'subscribe'>) {
    this.#connection = connection;
  }

  /**
   * Calls `take` for each message that is published on `subject`.
   * @param take another function than those that listen already
   * @returns a function that stops it; safe to call twice
   */
  add(subject: string, take: TakeMessage): () => void {
    const shared = this.#shared.get(subject) ?? this.#subscribe(subject);
    shared.listeners.add(take);
    return () => {
      if (!shared.listeners.delete(take) || shared.listeners.size > 0) return;
      this.#shared.delete(subject);
      if (!shared.subscription.isClosed()) shared.subscription.unsubscribe();
    };
  }

  #subscribe(subject: string): Shared {
    const listeners = new Set<TakeMessage>();
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) for (const take of listeners) take(message.data, message.headers);
      },
    });
    const shared = { subscription, listeners };
    this.#shared.set(subject, shared);
    return shared;
  }
}
