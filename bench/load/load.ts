/** POST requests of one kind, as many at once as there are connections, for some time. */
export interface Load {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly connections: number;
  /** At least one: both programs take whole seconds. */
  readonly seconds: number;
  /** How many requests are enough: a sender that can count ends after them. At least as many as there are connections. */
  readonly enough?: number;
}

/** What became of a load. */
export interface LoadFigures {
  readonly requests: number;
  /** Requests of these that got no answer, or one from 300 on. */
  readonly failed: number;
  readonly seconds: number;
}

/** A program that sends loads, in a process of its own. */
export interface Sender {
  /** With its version. */
  readonly name: string;
  /** What a reader of the figures should know about it. */
  readonly note?: string;
  /** @throws Error if the program ends without figures */
  readonly send: (load: Load) => Promise<LoadFigures>;
}
