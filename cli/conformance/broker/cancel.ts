import { HEADER } from '../../../shared/wire/headers.ts';
import type { JobView } from './job-view.ts';
import { HARNESS_SOURCE, newJobId, TENANT } from './queue.ts';

interface Publisher {
  readonly publish: (
    subject: string,
    body: string,
    headers: Readonly<Record<string, string>>,
  ) => Promise<number>;
}

/** Cancels a message of a job, as the edge does. @param sequence that of the message in `JOBS` */
export async function sendCancel(
  { publish }: Publisher,
  { job }: JobView,
  sequence = job.sequence,
): Promise<void> {
  await publish(`cancel.${TENANT}.${job.address.jobId}`, '', {
    [HEADER.ceSpecVersion]: '1.0',
    [HEADER.ceId]: newJobId(),
    [HEADER.ceSource]: HARNESS_SOURCE,
    [HEADER.ceType]: 'dev.throughline.job.cancel',
    [HEADER.ceTime]: new Date().toISOString(),
    [HEADER.jobSequence]: String(sequence),
  });
}
