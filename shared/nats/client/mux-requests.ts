/** What the NATS client keeps of a request that waits for its answer, and calls when the request ends (nats-core 3.4.0). */
export interface WaitingRequest<Message> {
  readonly token: string;
  readonly requestSubject: string;
  received: number;
  resolver: (error: Error | null, message: Message) => void;
}

/** How the NATS client keeps its requests. Its connection has this as `protocol`, and does not show it. */
export interface MuxRequests<Message> {
  readonly muxSubscriptions: { readonly baseInbox: string; cancel(request: WaitingRequest<Message>): void };
  request(request: WaitingRequest<Message>): void;
}
