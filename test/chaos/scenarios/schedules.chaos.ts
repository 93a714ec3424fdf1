import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import { ThroughlineClient } from '../../../client/index.ts';
import type { EdgeBundle } from '../../../dev/edge/build.ts';
import type { NatsServer } from '../../../dev/nats-server/start.ts';
import { startWorkerProcess } from '../../../dev/worker/start.ts';
import { runJobId } from '../../../edge/schedules/run-id.ts';
import { JOBS_STREAM } from '../../../shared/nats/streams.ts';
import { parseJobSubject } from '../../../shared/wire/subjects.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { buildClockedEdge, setClock } from '../../support/http/clocked-edge.ts';
import { startTestNats } from '../../support/nats/nats.ts';
import { until } from '../../support/poll.ts';
import { SUITE } from '../../support/suite-settings.ts';
import { tenants } from '../../support/tenants.ts';
import { chaosSeed, Dice } from '../support/dice.ts';
import { EdgeProcess } from '../support/edge-process.ts';

const MINUTE_MS = 60_000;
const DAYS = SUITE.CHAOS_SCHEDULE_DAYS;
const FROM = Date.parse('2028-01-01T00:00:00Z');
const UNTIL = FROM + DAYS * 24 * 60 * MINUTE_MS;
const TENANT = 'minutely';
const NAME = 'every-minute';
/** The most minutes of one step. An edge that is down for a step is two behind then: less than `all` makes up for. */
const STEP_MINUTES = 600;
/** About so many times an edge is killed. */
const KILLS = 10 + DAYS / 4;
const STEPS = (UNTIL - FROM) / MINUTE_MS / (STEP_MINUTES / 2);
const STEP_TIMEOUT_MS = 120_000;

it(`C4: each minute of ${DAYS} days is one job, with two edges that are killed at random`, {
  timeout: 120_000 + DAYS * 60_000,
}, async () => {
  const seed = chaosSeed();
  process.stderr.write(`schedules: CHAOS_SEED=${seed}\n`);
  const dice = new Dice(seed);
  const [nats, bundle] = await Promise.all([startTestNats(), buildClockedEdge()]);
  onTestFinished(() => nats.stop());
  await announceOperations(nats);
  const edges = await Promise.all([startEdge(nats, bundle), startEdge(nats, bundle)]);
  for (const edge of edges) await edge.schedule();

  const started = performance.now();
  for (let clock = FROM; clock < UNTIL; ) {
    clock = Math.min(UNTIL, clock + dice.between(1, STEP_MINUTES) * MINUTE_MS);
    await Promise.all(edges.map((edge) => edge.liveUntil(clock, dice)));
  }
  for (const edge of edges) await edge.bringTo(UNTIL);
  const seconds = (performance.now() - started) / 1_000;
  const kills = edges.reduce((sum, edge) => sum + edge.kills, 0);
  const runs = (UNTIL - FROM) / MINUTE_MS;
  process.stderr.write(`schedules: ${runs} runs, ${kills} kills, ${Math.round(seconds)} s\n`);

  expect(kills).toBeGreaterThan(0);
  const found = await jobsInQueue(nats);
  expect(found.messages).toBe(runs);
  expect(await missingRuns(found.ids)).toEqual([]);
});

/** Which minutes have no job. With as many messages as minutes, none has two then. */
async function missingRuns(ids: ReadonlySet<string>): Promise<string[]> {
  const missing: string[] = [];
  for (let run = FROM + MINUTE_MS; run <= UNTIL; run += MINUTE_MS) {
    const id = await runJobId({ tenant: TENANT, name: NAME, run }, undefined, 1);
    if (!ids.has(id)) missing.push(new Date(run).toISOString());
  }
  return missing;
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

/** An edge with a schedule. */
interface ScheduledEdge {
  readonly kills: number;
  /** Makes the schedule, at the time at which the test begins. */
  readonly schedule: () => Promise<void>;
  /** Sets the clock; at random, the edge is killed meanwhile, and starts again at once or in the next step. */
  readonly liveUntil: (clock: number, dice: Dice) => Promise<void>;
  /** Starts the edge if it is down, sets its clock and waits until each run before that has been made. */
  readonly bringTo: (clock: number) => Promise<void>;
}

async function startEdge(nats: NatsServer, bundle: EdgeBundle): Promise<ScheduledEdge> {
  const { callers, API_KEYS } = await tenants(TENANT);
  const edge = new EdgeProcess({
    bundle,
    ...{ port: 0, storageDir: await scratchFolder(), onLog: () => undefined },
    bindings: {
      ...{ API_KEYS, NATS_URL: nats.webSocketUrl, LOG_LEVEL: 'error' },
      ...{ TENANT_MAX_JOBS: '10000000', TENANT_MAX_BYTES: '100000000000' },
    },
  });
  onTestFinished(() => edge.stop());
  await edge.start();
  let kills = 0;
  let isDown = false;
  const client = () => new ThroughlineClient({ url: edge.url, apiKey: callers[TENANT].key });

  const bringTo = async (clock: number): Promise<void> => {
    if (isDown) await edge.start();
    isDown = false;
    await until(
      `the runs until ${new Date(clock).toISOString()}`,
      async () => {
        await setClock(edge.url, TENANT, clock);
        const { lastRuns } = await client().schedules.get(NAME);
        return lastRuns[0]?.scheduledFor === new Date(clock).toISOString();
      },
      STEP_TIMEOUT_MS,
    );
  };
  const kill = async (): Promise<void> => {
    kills++;
    isDown = true;
    await edge.kill('SIGKILL');
  };
  return {
    get kills() {
      return kills;
    },
    schedule: async () => {
      await setClock(edge.url, TENANT, FROM);
      const times = { cron: '* * * * *', catchUp: 'all' } as const;
      await client().schedules.put(NAME, { operation: 'echo', input: null, ...times });
    },
    liveUntil: async (clock, dice) => {
      if (dice.next() > KILLS / (2 * STEPS)) return await bringTo(clock);
      const [afterMs, staysDown] = [dice.between(0, 400), !isDown && dice.between(0, 1) === 1];
      if (isDown) await edge.start();
      isDown = false;
      const living = setClock(edge.url, TENANT, clock).catch(() => undefined);
      await Promise.all([living, new Promise((resolve) => setTimeout(resolve, afterMs)).then(kill)]);
      if (!staysDown) await bringTo(clock);
    },
    bringTo,
  };
}
