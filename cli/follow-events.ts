import { NoAnswerError } from '../client/no-answer-error.ts';
import type { HistoryEvent } from '../shared/job/event-record.ts';
import type { ApiClient } from './api-client.ts';

/** How following a job came to its end: the job has ended, time was up, or this API has no event streams. */
export type FollowEnd = 'ended' | 'late' | 'no-stream';

export interface FollowOptions {
  readonly api: ApiClient;
  /** Ctrl-C. */
  readonly signal: AbortSignal;
  /** Aborts when time is up. */
  readonly late: AbortSignal;
  readonly onEvent: (event: HistoryEvent) => void;
}

/**
 * Follows a job by its event stream.
 * @throws ApiError or CliError when the API refuses, or does not answer any more; what `signal` aborts with
 */
export async function followEvents(id: string, options: FollowOptions): Promise<FollowEnd> {
  const { api, signal, late, onEvent } = options;
  try {
    for await (const event of api.watch(id, { signal: late })) onEvent(event);
    return 'ended';
  } catch (thrown) {
    if (late.aborted && !signal.aborted) return 'late';
    if (thrown instanceof NoAnswerError) return 'no-stream';
    throw thrown;
  }
}
