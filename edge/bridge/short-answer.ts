import type { Accepted, SubmitAnswer, SubmitCommand } from '../calls/commands.ts';

/**
 * The answer to a submission, in short where it is a new job that waits in the queue. It stays as it is for an edge of an earlier
 * version, which does not read the short one, and after a wait: the job may then hold what its caller must not read.
 */
export function shortAnswer(
  { takesJson, waitMs }: Pick<SubmitCommand, 'takesJson' | 'waitMs'>,
  answer: SubmitAnswer,
): SubmitAnswer | Accepted {
  if (takesJson !== true || waitMs > 0 || answer.outcome !== 'submitted') return answer;
  const isNew = !answer.replayed && answer.existing === undefined;
  if (!isNew || answer.job.state !== 'queued') return answer;
  return { outcome: 'accepted', json: JSON.stringify(answer.job) };
}
