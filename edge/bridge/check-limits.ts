import type { OperationAnnouncement } from '../../shared/api/operation.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import type { JobSpec } from '../../shared/job/job-spec.ts';

/**
 * Checks that a job asks for no more than its operation allows; it may ask for less.
 * @throws ThroughlineError `request-invalid`
 */
export function checkLimits({ timeoutMs, maxAttempts }: JobSpec, announcement: OperationAnnouncement): void {
  if (timeoutMs !== undefined && timeoutMs > announcement.timeoutMs) {
    throw new ThroughlineError(
      'request-invalid',
      `timeout: ${announcement.name} allows at most ${announcement.timeoutMs} ms`,
      { violations: [{ path: '/timeout', message: `at most ${announcement.timeoutMs}ms` }] },
    );
  }
  if (maxAttempts !== undefined && maxAttempts > announcement.maxAttempts) {
    throw new ThroughlineError(
      'request-invalid',
      `maxAttempts: ${announcement.name} allows at most ${announcement.maxAttempts}`,
      { violations: [{ path: '/maxAttempts', message: `at most ${announcement.maxAttempts}` }] },
    );
  }
}
