import { setTimeout as delay } from 'node:timers/promises';
import { type EdgeHeap, openHeap } from '../../dev/edge/heap.ts';
import { runBundled } from '../../dev/edge/run-bundled.ts';
import { MIB, residentMib, workerdPid } from '../support/measure.ts';

/** The memory of workerd, in MiB. */
interface WorkerdMemory {
  /** What the heap of the Worker's isolate holds after a garbage collection. */
  readonly heap: number;
  /** The resident memory of the process, with what its allocator keeps for later. */
  readonly resident: number;
}

const POLL_MS = 10;

/**
 * Makes spans in workerd and sends them through the processor of the edge, one request for each part of them.
 * @param url the collector
 * @param parts how many spans each request makes
 * @returns the memory after each request
 */
export async function sendInWorkerd(url: string, parts: readonly number[]): Promise<WorkerdMemory[]> {
  const workerd = await runBundled(new URL('span-worker.ts', import.meta.url), true);
  const heap = await openHeap(`http://${(await workerd.getInspectorURL()).host}`);
  const make = async (spans: number): Promise<void> => {
    const query = new URLSearchParams({ collector: url, spans: String(spans) });
    const response = await workerd.dispatchFetch(`http://spans/?${query}`);
    if (!response.ok) throw new Error(await response.text());
  };
  try {
    const memory: WorkerdMemory[] = [];
    for (const spans of parts) {
      await make(spans);
      memory.push({ heap: await readHeap(heap, () => make(0)), resident: residentMib(workerdPid()) });
    }
    return memory;
  } finally {
    heap.close();
    await workerd.dispose();
  }
}

/** What the heap holds, in MiB. workerd collects garbage only when the Worker runs, so requests let it run meanwhile. */
async function readHeap(heap: EdgeHeap, run: () => Promise<void>): Promise<number> {
  let used: number | undefined;
  const reading = heap.used().then((bytes) => {
    used = bytes;
  });
  while (used === undefined) await Promise.all([run(), Promise.race([reading, delay(POLL_MS)])]);
  return used / MIB;
}
