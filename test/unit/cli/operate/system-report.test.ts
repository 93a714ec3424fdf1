import { expect, it } from 'vitest';
import type { Cause } from '../../../../cli/operate/cause.ts';
import { edgeCauses } from '../../../../cli/operate/edge-causes.ts';
import type { EdgeReport } from '../../../../cli/operate/edge-report.ts';
import { natsCauses } from '../../../../cli/operate/nats-causes.ts';
import { causesOnce, notesOf } from '../../../../cli/operate/system-report.ts';
import type { BridgeStatus } from '../../../../shared/api/answers/health.ts';
import type { ListedOperation } from '../../../../shared/api/answers/operation-list.ts';
import type { NatsReport } from '../../../../worker-node/broker/operate/nats-report.ts';
import { JOB } from '../../../support/cli/servers.ts';

const QUEUED = { ...JOB, operation: 'greet', served: false as const };
const EDGE: EdgeReport = {
  url: 'http://edge.test',
  reached: true,
  ready: true,
  isKeyInvalid: false,
  unasked: [],
  queued: [QUEUED],
};
const GROUP = { name: 'workers', operations: ['>'], waiting: 1, unsettled: 0, pulls: 0, hosts: [] };
const NATS: NatsReport = {
  server: { version: '2', clustered: false },
  streams: [],
  operations: [],
  paused: {},
  hosts: [],
  groups: [GROUP],
};

it('one job waits, and two wait', () => {
  const evidenceOf = (edge: EdgeReport): unknown =>
    edgeCauses(edge, 'throughline').map(({ evidence }) => evidence);
  expect(evidenceOf(EDGE)).toEqual([['1 job of greet waits, and no worker host can run it']]);
  expect(evidenceOf({ ...EDGE, queued: [QUEUED, QUEUED] })).toEqual([
    ['2 jobs of greet wait, and no worker host can run them'],
  ]);
  const sentence = 'for the worker group workers, which has no host that is alive';
  expect(natsCauses(NATS)[0]?.cause).toBe(`1 job waits ${sentence}`);
  expect(natsCauses({ ...NATS, groups: [{ ...GROUP, waiting: 2 }] })[0]?.cause).toBe(
    `2 jobs wait ${sentence}`,
  );
});

it('consumers that NATS pauses are a cause, also while nothing waits', () => {
  const paused = ['workers-normal-p0', 'workers-normal-p1'].map((consumer) => ({
    consumer,
    until: '2100-01-01T00:00:00Z',
  }));
  expect(natsCauses({ ...NATS, groups: [{ ...GROUP, waiting: 0, paused }] })).toEqual([
    {
      code: 'consumer-paused',
      cause: 'somebody paused 2 consumers of the worker group workers: NATS delivers no job from there',
      evidence: paused.map(({ consumer, until }) => `consumer ${consumer} of JOBS: paused until ${until}`),
      advice: 'wait until then, or end the pause of each: nats consumer resume JOBS workers-normal-p0',
    },
  ]);
  expect(
    natsCauses({ ...NATS, groups: [{ ...GROUP, waiting: 0, paused: paused.slice(0, 1) }] }),
  ).toMatchObject([
    { cause: 'somebody paused 1 consumer of the worker group workers: NATS delivers no job from there' },
  ]);
});

it('a cause that both the edge and NATS tell is told once, with what both know', () => {
  const causes = causesOnce(edgeCauses(EDGE, 'throughline'), natsCauses(NATS));
  expect(causes.map(({ code }) => code)).toEqual(['no-worker']);
  expect(causes[0]?.evidence).toEqual([
    '1 job of greet waits, and no worker host can run it',
    '1 job waits for the worker group workers, which has no host that is alive',
  ]);
  const lone: Cause[] = natsCauses({ ...NATS, groups: [GROUP, { ...GROUP, name: 'images' }] });
  expect(causesOnce([], lone)).toEqual(lone);
});

it('the operations that no host can run are one note, and none where no host is alive', () => {
  const operations = ['echo', 'greet', 'http.request'].map((name): ListedOperation => {
    const hosts = name === 'http.request' ? 1 : 0;
    return { name, inputSchema: {}, timeoutMs: 1, maxAttempts: 3, edgeChecks: 'whole', hosts };
  });
  const notesWith = (workerHosts: number): string[] => {
    const bridges = [{ bridge: 'b', warnings: [], workerHosts }] as unknown as BridgeStatus[];
    return notesOf({ ...EDGE, operations, bridges }, undefined);
  };
  expect(notesWith(1)).toEqual(['no worker host can run echo, greet']);
  expect(notesWith(0)).toEqual([]);
});
