import { isHistoryEvent } from '../../client/answers.ts';
import type { ThroughlineClient } from '../../client/client.ts';
import type { RecordedCallbackEvent } from '../../shared/api/answers/job-history.ts';
import { isCallbackEvent } from '../../shared/job/job-state.ts';
import { parseJson } from '../../shared/text/json/parse-json.ts';
import { ask } from './request.ts';

const TIMEOUT_MS = 10_000;
/** A job with more pages of events is not read to its end. */
const MAX_PAGES = 20;

/** Who asks, and with which key. */
interface Asker {
  readonly api: Pick<ThroughlineClient, 'jobUrl'>;
  readonly config: { readonly apiKey: string | undefined };
  readonly signal: AbortSignal;
}

/**
 * The last delivery of a job's callback that is recorded. The job itself does not hold it, only its events do.
 * @returns undefined if none is recorded, or the events cannot be read
 * @throws what Ctrl-C throws, and nothing else
 */
export async function callbackOutcome(id: string, asker: Asker): Promise<RecordedCallbackEvent | undefined> {
  let last: RecordedCallbackEvent | undefined;
  let after = '';
  for (let page = 0; page < MAX_PAGES; page++) {
    const { events, next } = await readPage(id, after, asker);
    for (const event of Array.isArray(events) ? events : []) {
      // What comes before an event of the job is about an earlier end: somebody has redriven the job since.
      if (isHistoryEvent(event)) last = isCallbackEvent(event) ? event : undefined;
    }
    if (typeof next !== 'string') break;
    after = next;
  }
  return last;
}

/** A page of a job's events; empty if it cannot be read. */
async function readPage(
  id: string,
  after: string,
  { api, config, signal }: Asker,
): Promise<{ readonly events?: unknown; readonly next?: unknown }> {
  const { apiKey } = config;
  const headers: Record<string, string> = {
    accept: 'application/json',
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
  };
  const url = `${api.jobUrl(id)}/events${after === '' ? '' : `?after=${encodeURIComponent(after)}`}`;
  const request = { url, headers, timeoutMs: TIMEOUT_MS, signal, who: 'the API' };
  const answer = await ask(request).catch(() => undefined);
  signal.throwIfAborted();
  return answer?.status === 200 ? (parseJson(answer.text) ?? {}) : {};
}
