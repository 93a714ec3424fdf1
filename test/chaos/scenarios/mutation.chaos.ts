import { fileURLToPath } from 'node:url';
import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it } from 'vitest';
import { isTerminalEvent } from '../../../shared/job/event.ts';
import { EVENTS_STREAM } from '../../../shared/nats/streams.ts';
import { readJobEvent } from '../../../shared/wire/event-message.ts';
import type { Check } from '../checks/violation.ts';
import { Journal } from '../ledger/journal.ts';
import type { EffectEntry } from '../ledger/ledger.ts';
import { type FaultOutcome, type FaultRun, runFault, type Scene } from '../support/run-fault.ts';

// The ledger must find a broken promise; otherwise a run without violations would prove nothing.

it('the ledger finds a worker that acknowledges a job before it has done it', async () => {
  const found = await runFault({
    title: 'mutation: ack before work',
    jobs: 200,
    perSecond: 60,
    job: (dice) => ({ input: { ms: dice.between(50, 200) } }),
    system: sabotaged('ack-before-work'),
    inject: async ({ system, dice }) => {
      const worker = dice.pick(system.pool.workers);
      await system.fault('kill', 'worker', () => worker.kill('SIGKILL'), worker);
    },
    expectViolations: true,
  });
  expect(checksOf(found)).toContain('L1');
});

it('the ledger finds a worker that settles a job whose end was not recorded', async () => {
  const found = await runFault({
    title: 'mutation: ends forgotten',
    jobs: 100,
    system: sabotaged('forget-ends'),
    inject: async () => undefined,
    expectViolations: true,
  });
  expect(found.counts.ends.succeeded).toBeGreaterThan(0);
  expect(checksOf(found)).toContain('L1');
  expect(found.violations.filter(({ check }) => check === 'L1').length).toBeLessThan(100);
});

it('the ledger finds a program that runs jobs again after their end', async () => {
  const found = await runFault({
    title: 'mutation: run after the end',
    jobs: 100,
    inject: rerun(10),
    expectViolations: true,
  });
  expect(checksOf(found)).toEqual(['L5']);
  expect(found.violations.length).toBe(10);
});

function sabotaged(name: string): FaultRun['system'] & object {
  const file = fileURLToPath(new URL(`../sabotage/${name}.ts`, import.meta.url));
  return { worker: { NODE_OPTIONS: `--import=${file}` } };
}

/** Waits for the ends of so many jobs, and then executes each once more. */
function rerun(count: number) {
  return async ({ system, ledger }: Scene): Promise<void> => {
    const connection = await connect({ servers: system.nats.url });
    const effects = await Journal.open<EffectEntry>(ledger.effectsFile);
    try {
      const consumer = await jetstream(connection).consumers.get(EVENTS_STREAM);
      let left = count;
      for await (const message of await consumer.consume()) {
        const event = readJobEvent(message.data);
        if (event === undefined || !isTerminalEvent(event)) continue;
        const { jobId, traceId } = event;
        const entry = { jobId, traceId, attempt: 2, pid: process.pid };
        // The end and this may fall into the same millisecond.
        const at = Date.now() + 1;
        await effects.append({ ...entry, phase: 'begin', at }, { ...entry, phase: 'end', at });
        if (--left === 0) return;
      }
    } finally {
      await effects.close();
      await connection.close();
    }
  };
}

function checksOf({ violations }: FaultOutcome): Check[] {
  return [...new Set(violations.map(({ check }) => check))];
}
