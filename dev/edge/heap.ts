import { InspectorSession } from './inspector-session.ts';

/** The JavaScript heap of the Worker's isolate, read over the DevTools protocol. It holds the edge and the bridges. */
export interface EdgeHeap {
  /** Collects garbage. Gives the bytes that are still used. */
  readonly used: () => Promise<number>;
  /** Collects garbage. Counts what is left, by the types of V8's heap snapshots: `object`, `string`, `code` and so on. */
  readonly count: () => Promise<Record<string, number>>;
  readonly close: () => void;
}

/** Miniflare's name for the Worker. It runs other Workers beside it. */
const TITLE = /core:user:/;

interface Target {
  readonly title: string;
  readonly webSocketDebuggerUrl: string;
}

/**
 * Connects to the inspector of a running edge.
 * @param inspectorUrl `http://…`, from an edge that was started with `inspect`
 * @throws Error when there is no Worker to inspect
 */
export async function openHeap(inspectorUrl: string): Promise<EdgeHeap> {
  const list = (await (await fetch(`${inspectorUrl}/json`)).json()) as readonly Target[];
  const target = list.find(({ title }) => TITLE.test(title));
  if (target === undefined) throw new Error(`no Worker to inspect at ${inspectorUrl}`);
  const session = await InspectorSession.open(target.webSocketDebuggerUrl);
  await session.call('HeapProfiler.enable');
  return { used: () => usedBytes(session), count: () => countObjects(session), close: () => session.close() };
}

async function usedBytes(session: InspectorSession): Promise<number> {
  await session.call('HeapProfiler.collectGarbage');
  return ((await session.call('Runtime.getHeapUsage')) as { usedSize: number }).usedSize;
}

async function countObjects(session: InspectorSession): Promise<Record<string, number>> {
  await session.call('HeapProfiler.collectGarbage');
  const chunks = session.collectChunks();
  await session.call('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  return countNodes(JSON.parse(chunks.join('')) as Snapshot);
}

/** The parts of a heap snapshot that are read here. Each node has `node_fields.length` numbers; the first is its type. */
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
