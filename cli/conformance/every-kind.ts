import type { Bench } from './bench.ts';
import { sendCancel } from './broker/cancel.ts';
import type { JobView } from './broker/job-view.ts';
import type { JobOptions } from './broker/queue.ts';
import type { Sentence } from './sentences.ts';

/**
 * Runs jobs that have each kind of event between them, except `released`. Each has at most two attempts.
 * @param options what all of them have
 * @returns the jobs, which have ended
 */
export async function jobsOfEveryKind(
  bench: Bench,
  sentence: Sentence,
  options: JobOptions = {},
): Promise<readonly JobView[]> {
  const spec = { ...options.spec, maxAttempts: 2 };
  const cancelled = async (): Promise<JobView> => {
    const job = await bench.submit('conformance.sleep', { ms: 60_000 }, { ...options, spec });
    await bench.need(job, sentence, 'the event started', () => job.events.length > 0);
    await sendCancel(bench, job);
    await bench.ended(job, 'cancel-running');
    return job;
  };
  return await Promise.all([
    bench.run('conformance.retry', { failures: 1 }, sentence, { ...options, spec }),
    bench.run('conformance.fail', {}, sentence, { ...options, spec }),
    bench.run('conformance.progress', { steps: 2 }, sentence, { ...options, spec }),
    cancelled(),
  ]);
}
