import { runBundled } from '../../dev/edge/run-bundled.ts';
import { residentMib, workerdPid } from '../support/measure.ts';

/**
 * Makes spans in workerd and sends them through the processor of the edge, one request for each part of them.
 * @param url the collector
 * @param parts how many spans each request makes
 * @returns the resident memory of workerd after each request, in MiB
 */
export async function sendInWorkerd(url: string, parts: readonly number[]): Promise<number[]> {
  const workerd = await runBundled(new URL('span-worker.ts', import.meta.url));
  try {
    const memory: number[] = [];
    for (const spans of parts) {
      const query = new URLSearchParams({ collector: url, spans: String(spans) });
      const response = await workerd.dispatchFetch(`http://spans/?${query}`);
      if (!response.ok) throw new Error(await response.text());
      memory.push(residentMib(workerdPid()));
    }
    return memory;
  } finally {
    await workerd.dispose();
  }
}
