/** What an inspector sends: the answer to a call (with its id), or an event. */
interface Message {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
  readonly params?: { readonly chunk?: string };
}

/** A connection to an inspector (DevTools protocol). */
export class InspectorSession {
  readonly #socket: WebSocket;
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>();
  #chunks: string[] = [];
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(String(data)) as Message);
    socket.onclose = () => {
      for (const { reject } of this.#calls.values()) reject(new Error('the inspector closed the connection'));
    };
  }

  /** @param url the WebSocket of a target. @throws Error when it cannot be opened */
  static async open(url: string): Promise<InspectorSession> {
    const socket = new WebSocket(url);
    await new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = () => reject(new Error(`${url} cannot be opened`));
    });
    return new InspectorSession(socket);
  }

  /**
   * Calls a method and waits for its result.
   * @throws Error with the inspector's message, or when the connection closes
   */
  async call(method: string, params: unknown = {}): Promise<unknown> {
    const answer = Promise.withResolvers<unknown>();
    const id = ++this.#lastId;
    this.#calls.set(id, answer);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return await answer.promise;
  }

  /** Gives a list to which the chunks of the next heap snapshot are added. */
  collectChunks(): string[] {
    this.#chunks = [];
    return this.#chunks;
  }

  close(): void {
    this.#socket.close();
  }

  #take({ id, result, error, params }: Message): void {
    if (params?.chunk !== undefined) this.#chunks.push(params.chunk);
    if (id === undefined) return;
    if (error === undefined) this.#calls.get(id)?.resolve(result);
    else this.#calls.get(id)?.reject(new Error(error.message));
    this.#calls.delete(id);
  }
}
