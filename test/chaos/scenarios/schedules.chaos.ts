import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import type { NatsServer } from '../../../dev/nats-server/start.ts';
import { startWorkerProcess } from '../../../dev/worker/start.ts';
import { runJobId } from '../../../edge/schedules/run-id.ts';
import { JOBS_STREAM } from '../../../shared/nats/streams.ts';
import { parseJobSubject } from '../../../shared/wire/subjects.ts';
import { buildClockedEdge } from '../../support/http/clocked-edge.ts';
import { startTestNats } from '../../support/nats/nats.ts';
import { SUITE } from '../../support/suite-settings.ts';
import { chaosSeed, Dice } from '../support/dice.ts';
import { type MinuteSchedule, ScheduledEdge } from '../support/scheduled-edge.ts';

const MINUTE_MS = 60_000;
const DAYS = SUITE.CHAOS_SCHEDULE_DAYS;
const FROM = Date.parse('2028-01-01T00:00:00Z');
const UNTIL = FROM + DAYS * 24 * 60 * MINUTE_MS;
const TENANT = 'minutely';
/** The schedule that both edges have: each makes what the other one misses. */
const SHARED = { name: 'shared', everyMinutes: 1 };
/** The schedules that one edge has: nobody makes up for a run that it loses. */
const OWN = ['one', 'other'].map((name) => ({ name, everyMinutes: 5 }));
/** The most minutes of one step. An edge that is down for a step is two behind then: less than `all` makes up for. */
const STEP_MINUTES = 600;
/** About so many times an edge is killed. */
const KILLS = 10 + DAYS / 4;
const STEPS = (UNTIL - FROM) / MINUTE_MS / (STEP_MINUTES / 2);

it(`C4: each minute of ${DAYS} days is one job, with two edges that are killed at random`, {
  timeout: 120_000 + DAYS * 60_000,
}, async () => {
  const seed = chaosSeed();
  process.stderr.write(`schedules: CHAOS_SEED=${seed}\n`);
  const dice = new Dice(seed);
  const [nats, bundle] = await Promise.all([startTestNats(), buildClockedEdge()]);
  onTestFinished(() => nats.stop());
  await announceOperations(nats);
  const common = { tenant: TENANT, from: FROM, natsUrl: nats.webSocketUrl, bundle };
  const edges = await Promise.all(
    OWN.map((own) => ScheduledEdge.start({ ...common, schedules: [SHARED, own] })),
  );

  const started = performance.now();
  for (let clock = FROM; clock < UNTIL; ) {
    clock = Math.min(UNTIL, clock + dice.between(1, STEP_MINUTES) * MINUTE_MS);
    const lives = edges.map((edge) =>
      dice.next() < KILLS / (2 * STEPS) ? edge.dieAt(clock, dice) : edge.bringTo(clock),
    );
    await Promise.all(lives);
  }
  for (const edge of edges) await edge.bringTo(UNTIL);
  const seconds = (performance.now() - started) / 1_000;
  const kills = edges.reduce((sum, edge) => sum + edge.kills, 0);
  const wanted = (await Promise.all([SHARED, ...OWN].map(jobsOf))).flat();
  process.stderr.write(`schedules: ${wanted.length} runs, ${kills} kills, ${Math.round(seconds)} s\n`);

  expect(kills).toBeGreaterThan(0);
  const found = await jobsInQueue(nats);
  // With as many messages as runs, none of which has no job, none has two.
  expect(wanted.filter(({ jobId }) => !found.ids.has(jobId))).toEqual([]);
  expect(found.messages).toBe(wanted.length);
});

/** The runs of a schedule, and the id of the job of each. */
async function jobsOf({ name, everyMinutes }: MinuteSchedule): Promise<{ run: string; jobId: string }[]> {
  const jobs: { run: string; jobId: string }[] = [];
  const step = everyMinutes * MINUTE_MS;
  for (let run = FROM + step; run <= UNTIL; run += step) {
    const jobId = await runJobId({ tenant: TENANT, name, run }, undefined);
    jobs.push({ run: `${name} ${new Date(run).toISOString()}`, jobId });
  }
  return jobs;
}

/** A worker makes the streams and announces its operations, and ends before the first job: so the queue keeps all jobs. */
async function announceOperations(nats: NatsServer): Promise<void> {
  const environment = { NATS_URL: nats.url, HEALTH_PORT: '0' };
  const worker = await startWorkerProcess({ environment, onLog: () => undefined });
  await worker.stop();
}

async function jobsInQueue(nats: NatsServer): Promise<{ messages: number; ids: Set<string> }> {
  const connection = await connect({ servers: nats.url });
  try {
    const manager: JetStreamManager = await jetstreamManager(connection, { timeout: 60_000 });
    const { state } = await manager.streams.info(JOBS_STREAM, { subjects_filter: '>' });
    const subjects = Object.keys(state.subjects ?? {});
    return {
      messages: state.messages,
      ids: new Set(subjects.map((subject) => parseJobSubject(subject)?.jobId ?? '')),
    };
  } finally {
    await connection.close();
  }
}
