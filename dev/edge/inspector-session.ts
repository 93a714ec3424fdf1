/** A connection to an inspector (DevTools protocol). */
export interface InspectorSession {
  /**
   * Calls a method and waits for its result.
   * @throws Error with the inspector's message, or when the connection closes
   */
  readonly call: (method: string, params?: unknown) => Promise<unknown>;
  /** Gives a list to which the chunks of the next heap snapshot are added. */
  readonly collectChunks: () => string[];
  readonly close: () => void;
}

/** What an inspector sends: the answer to a call (with its id), or an event. */
interface Message {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
  readonly params?: { readonly chunk?: string };
}

/** @param url the WebSocket of a target. @throws Error when it cannot be opened */
export async function openSession(url: string): Promise<InspectorSession> {
  const socket = new WebSocket(url);
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error(`${url} cannot be opened`));
  });
  const calls = new Map<number, PromiseWithResolvers<unknown>>();
  let chunks: string[] = [];
  let lastId = 0;
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(String(data)) as Message;
    if (message.params?.chunk !== undefined) chunks.push(message.params.chunk);
    settleCall(calls, message);
  };
  socket.onclose = () => {
    for (const { reject } of calls.values()) reject(new Error('the inspector closed the connection'));
  };
  return {
    call: async (method, params = {}) => {
      const answer = Promise.withResolvers<unknown>();
      calls.set(++lastId, answer);
      socket.send(JSON.stringify({ id: lastId, method, params }));
      return await answer.promise;
    },
    collectChunks: () => {
      chunks = [];
      return chunks;
    },
    close: () => socket.close(),
  };
}

function settleCall(calls: Map<number, PromiseWithResolvers<unknown>>, { id, result, error }: Message): void {
  if (id === undefined) return;
  if (error === undefined) calls.get(id)?.resolve(result);
  else calls.get(id)?.reject(new Error(error.message));
  calls.delete(id);
}
