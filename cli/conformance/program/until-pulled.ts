import { setTimeout as delay } from 'node:timers/promises';
import { filtersOf } from '../../../shared/nats/streams.ts';
import { filtersOverlap } from '../../../shared/wire/subjects.ts';
import type { Broker } from '../../../worker-node/broker/connection/broker.ts';
import { CliError } from '../../cli-error.ts';
import { OPERATIONS } from '../group.ts';
import type { WorkerUnderTest } from './worker-under-test.ts';

const LOOK_MS = 100;

interface PulledParts {
  readonly broker: Broker;
  readonly worker: WorkerUnderTest;
  readonly startTimeoutMs: number;
}

/**
 * Waits until the worker asks for jobs of each operation.
 * @throws CliError `usage-invalid` if it ends before, or does not ask in time
 */
export async function untilPulled({ broker, worker, startTimeoutMs }: PulledParts): Promise<void> {
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    const missing = await unpulled(broker);
    if (missing.length === 0) return;
    const { program } = worker;
    if (!program.hasExited && performance.now() < deadline) {
      await delay(LOOK_MS);
      continue;
    }
    if (program.hasExited) await program.untilGone();
    const what = program.hasExited
      ? `${program.howItEnded} before it asked for jobs of ${missing.join(', ')}`
      : `has not asked for jobs of ${missing.join(', ')} within ${startTimeoutMs} ms of its start`;
    throw new CliError('usage-invalid', `the worker under test ${what}`, { hint: program.lastLines });
  }
}

/** The operations whose jobs on a pooled lane nobody asks for now. */
async function unpulled({ manager }: Broker): Promise<string[]> {
  const filters: string[] = [];
  for await (const { config, num_waiting } of manager.consumers.list('JOBS'))
    if (num_waiting > 0) filters.push(...filtersOf(config, 'jobs.>'));
  return OPERATIONS.filter((name) => {
    const subject = `jobs.normal.p0.conformance.job.${name}`;
    return !filters.some((filter) => filtersOverlap(filter, subject));
  });
}
