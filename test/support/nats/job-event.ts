import type { EventKind, JobEvent } from '../../../shared/job/event.ts';

/** An event of a job as a worker records it. @param more what is different */
export function jobEvent(kind: EventKind, more: Partial<JobEvent> = {}): JobEvent {
  const at = more.at ?? '2026-01-02T03:04:07.000Z';
  return {
    kind,
    jobId: 'job-1',
    operation: 'echo',
    attempt: 1,
    maxAttempts: 3,
    released: 0,
    acceptedAt: at,
    at,
    worker: 'host-1',
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '1111222233334444',
    ...more,
  };
}
