/** The JavaScript heap of the Worker's isolate, edge and bridges together, by the DevTools protocol. */
export interface EdgeHeap {
  /** Collects garbage, and gives what is left, in bytes. */
  readonly used: () => Promise<number>;
  /** Collects garbage, and counts what is left, by the types of V8's heap snapshots: `object`, `string`, `code` and so on. */
  readonly count: () => Promise<Record<string, number>>;
  readonly close: () => void;
}

/** The name that Miniflare gives the Worker among those that it runs beside it. */
const TITLE = /core:user:/;

/**
 * @param inspectorUrl `http://…`, of a workerd that was started with an inspector
 * @throws Error when no Worker is there
 */
export async function openHeap(inspectorUrl: string): Promise<EdgeHeap> {
  const list = (await (await fetch(`${inspectorUrl}/json`)).json()) as readonly Target[];
  const target = list.find(({ title }) => TITLE.test(title));
  if (target === undefined) throw new Error(`no Worker to inspect at ${inspectorUrl}`);
  const session = await openSession(target.webSocketDebuggerUrl);
  await session.call('HeapProfiler.enable');
  const collect = (): Promise<unknown> => session.call('HeapProfiler.collectGarbage');
  return {
    used: async () => {
      await collect();
      return ((await session.call('Runtime.getHeapUsage')) as { usedSize: number }).usedSize;
    },
    count: async () => {
      await collect();
      const chunks = session.chunks();
      await session.call('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
      return countNodes(JSON.parse(chunks.join('')) as Snapshot);
    },
    close: session.close,
  };
}

/** A heap snapshot, as far as it is read here: `node_fields.length` numbers for each node, the first of them its type. */
interface Snapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly [readonly string[], ...unknown[]];
    };
  };
  readonly nodes: readonly number[];
}

function countNodes({ snapshot: { meta }, nodes }: Snapshot): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let at = 0; at < nodes.length; at += meta.node_fields.length) {
    const type = meta.node_types[0][nodes[at] ?? -1] ?? 'unknown';
    counts[type] = (counts[type] ?? 0) + 1;
  }
  return counts;
}

interface Target {
  readonly title: string;
  readonly webSocketDebuggerUrl: string;
}

interface Message {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
  readonly method?: string;
  readonly params?: { readonly chunk?: string };
}

interface Session {
  readonly call: (method: string, params?: unknown) => Promise<unknown>;
  /** From now on, gathers the chunks of a snapshot. */
  readonly chunks: () => string[];
  readonly close: () => void;
}

async function openSession(url: string): Promise<Session> {
  const socket = new WebSocket(url);
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error(`${url} cannot be opened`));
  });
  const calls = new Map<number, PromiseWithResolvers<unknown>>();
  let chunks: string[] = [];
  let last = 0;
  socket.onmessage = ({ data }) => {
    const { id, result, error, params } = JSON.parse(String(data)) as Message;
    if (params?.chunk !== undefined) chunks.push(params.chunk);
    if (id === undefined) return;
    if (error === undefined) calls.get(id)?.resolve(result);
    else calls.get(id)?.reject(new Error(error.message));
    calls.delete(id);
  };
  socket.onclose = () => {
    for (const { reject } of calls.values()) reject(new Error('the inspector is gone'));
  };
  return {
    call: async (method, params = {}) => {
      const answer = Promise.withResolvers<unknown>();
      calls.set(++last, answer);
      socket.send(JSON.stringify({ id: last, method, params }));
      return await answer.promise;
    },
    chunks: () => {
      chunks = [];
      return chunks;
    },
    close: () => socket.close(),
  };
}
