import { setTimeout as delay } from 'node:timers/promises';
import { Problem } from '../../shared/api/answers/problem.ts';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { parseJson } from '../../shared/text/json/parse-json.ts';

const TIMEOUT_MS = 60_000;
/** An edge is usually ready at once. One that is not writes a line about each question. */
const PAUSE_MS = { first: 20, last: 1_000, growth: 1.5 };

/**
 * Waits until an edge says that NATS answers it.
 * @param url of the edge
 * @throws ThroughlineError `config-invalid` as soon as it says that a setting is wrong, and `internal` after a minute
 */
export async function untilReady(url: string): Promise<void> {
  const until = Date.now() + TIMEOUT_MS;
  for (let pauseMs = PAUSE_MS.first; ; pauseMs = Math.min(pauseMs * PAUSE_MS.growth, PAUSE_MS.last)) {
    const { isReady, why, code } = await readinessOf(url);
    if (isReady) return;
    if (code === 'config-invalid')
      throw new ThroughlineError('config-invalid', `the edge does not start: ${why}`);
    if (Date.now() > until) throw new ThroughlineError('internal', `the edge is not ready: ${why}`);
    await delay(pauseMs);
  }
}

interface Readiness {
  readonly isReady: boolean;
  readonly why: string;
  readonly code?: string | undefined;
}

async function readinessOf(url: string): Promise<Readiness> {
  try {
    const response = await fetch(`${url}/readyz`);
    const text = await response.text();
    const { data: problem } = Problem.safeParse(parseJson(text));
    return { isReady: response.ok, why: problem?.detail ?? text, code: problem?.code };
  } catch (thrown) {
    return { isReady: false, why: describeThrown(thrown) };
  }
}
