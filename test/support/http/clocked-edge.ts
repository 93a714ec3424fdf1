import path from 'node:path';
import type { EdgeBundle } from '../../../dev/edge/bundle.ts';
import { keptEdge } from '../../../dev/edge/kept-build.ts';
import { scratchFolder } from '../cleanup.ts';

/** Bundles the edge with schedules whose clock {@link setClock} sets. The bundle is removed after the last test of the file. */
export async function buildClockedEdge(): Promise<EdgeBundle> {
  return await keptEdge(path.join(await scratchFolder(), 'edge'), 'test/edge/support/clocked-edge.ts');
}

/**
 * Sets the clock of a tenant's schedules, and makes the runs that are due then.
 * @param now epoch milliseconds
 * @throws Error if the edge does not answer that it did
 */
export async function setClock(url: string, tenant: string, now: number): Promise<void> {
  const response = await fetch(`${url}/clock`, { method: 'POST', body: JSON.stringify({ tenant, now }) });
  if (response.status !== 204)
    throw new Error(`the clock was not set: ${response.status} ${await response.text()}`);
}
