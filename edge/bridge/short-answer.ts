import type { Accepted, SubmitAnswer, SubmitCommand } from '../calls/commands.ts';

/**
 * Shortens the answer to a submission if it is a new job that waits in the queue, and that has the id that the edge gave it. Two
 * answers stay as they are: that to an edge of an earlier version, which cannot read the short form, and that after a wait, whose job
 * may hold what its caller must not read.
 */
export function shortAnswer(
  { jobId, takesJson, waitMs }: Pick<SubmitCommand, 'jobId' | 'takesJson' | 'waitMs'>,
  answer: SubmitAnswer,
): SubmitAnswer | Accepted {
  if (takesJson !== true || waitMs > 0 || answer.outcome !== 'submitted') return answer;
  const isNew = !answer.replayed && answer.existing === undefined && answer.job.id === jobId;
  if (!isNew || answer.job.state !== 'queued') return answer;
  return { outcome: 'accepted', json: JSON.stringify(answer.job) };
}
