import { setTimeout as delay } from 'node:timers/promises';
import type { Stack } from '../../dev/stack.ts';

/** The headers of a request with a JSON body. */
export function jsonHeaders(apiKey: string): Record<string, string> {
  return { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
}

/** Waits until the list is complete, and shows no job in any of these states. */
export async function untilNoJobIs(
  states: readonly ('queued' | 'running')[],
  { url, apiKey }: Stack,
  pollMs: number,
): Promise<void> {
  for (const state of states)
    for (;;) {
      const answer = await fetch(`${url}/v1/jobs?state=${state}&limit=1`, { headers: jsonHeaders(apiKey) });
      const { jobs, complete } = (await answer.json()) as { jobs: unknown[]; complete: boolean };
      if (complete && jobs.length === 0) break;
      await delay(pollMs);
    }
}
