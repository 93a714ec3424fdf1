import { expect, it, onTestFinished } from 'vitest';
import { type DistantRequest, nameOf } from '../../../bench/distance/distant-request.ts';
import { distantRequests, distantTenants } from '../../../bench/distance/requests.ts';
import { findFreePort } from '../../../dev/machine/free-port.ts';
import openApi from '../../../edge/http/docs/openapi.json' with { type: 'json' };
import { textOf } from '../../support/docs/pages.ts';
import { Contract } from '../../support/http/contract.ts';
import { RoundTripCounter } from '../../support/nats/round-trip-counter.ts';
import { withTestStack } from '../../support/stack.ts';

const PAGE = 'docs/PERFORMANCE.md';
const ROW =
  /^\| `(?<route>[^`]+)`(?:, (?<when>[^|]+))? \| (?<stream>\d+(?: or \d+)?) \| (?<outbox>\d*) ?\|/gm;

const REJECTED = 'the job must have been rejected after NATS was away; the answer does not wait for NATS';
const WORKER_ALONE = 'the Worker answers without a bridge';
/** The routes without a row, each with its reason. */
const WITHOUT_ROW: Readonly<Record<string, string>> = {
  'POST /v1/outbox/{id}/retry': REJECTED,
  'DELETE /v1/outbox/{id}': REJECTED,
  'GET /healthz': WORKER_ALONE,
  'GET /': WORKER_ALONE,
  'GET /openapi.json': WORKER_ALONE,
  'GET /docs': WORKER_ALONE,
};

type AckMode = 'stream' | 'outbox';

/** The rows of the table in the page: the request, and how many round trips to NATS it needs, such as [1], or [6, 7] for "6 or 7". */
function promised(mode: AckMode): Record<string, readonly number[]> {
  const [, section = ''] = textOf(PAGE).split('## Round trips to NATS');
  const rows = section.split('\n## ')[0]?.matchAll(ROW) ?? [];
  return Object.fromEntries(
    [...rows]
      .map(({ groups = {} }) => groups)
      .filter((row) => row[mode] !== '')
      .map(({ route = '', when, [mode]: roundTrips = '' }) => [
        nameOf({ route, when }),
        roundTrips.split(' or ').map(Number),
      ]),
  );
}

/** The requests to a stack whose edge reaches NATS through a counter, and how to count the round trips of one of them. */
async function countedRequests(mode: AckMode) {
  const natsWebSocket = await findFreePort();
  const counter = await RoundTripCounter.start(natsWebSocket);
  onTestFinished(() => counter.stop());
  const tenants = await distantTenants();
  const stack = await withTestStack({
    ports: { http: 0, nats: 0, natsWebSocket, otlp: 0 },
    ...tenants.stack,
    edge: { ...tenants.stack.edge, NATS_URL: `ws://127.0.0.1:${counter.port}`, ACK_MODE: mode },
  });
  const count = async ({ prepare }: DistantRequest): Promise<number> => {
    const { send, after } = await prepare();
    const roundTrips = await counter.count(send, () => stack.call('/healthz'));
    await after?.();
    return roundTrips;
  };
  return { requests: distantRequests(stack.call, tenants), count };
}

/**
 * What two of three tries agree on. The index of jobs reads new events every ten seconds, by itself. A request that needs the index
 * at that moment waits one round trip longer.
 */
async function agreed(count: () => Promise<number>): Promise<number> {
  const one = await count();
  const two = await count();
  if (one === two) return one;
  return [one, two, await count()].sort((a, b) => a - b)[1] ?? one;
}

it.for(['stream', 'outbox'] as const)(
  `each request needs as many round trips to NATS as ${PAGE} says, ACK_MODE=%s`,
  { timeout: 300_000 },
  async (mode) => {
    const { requests, count } = await countedRequests(mode);
    const table = promised(mode);
    const counted: Record<string, readonly number[]> = {};
    for (const request of requests.filter(({ makesJob }) => mode === 'stream' || makesJob === true)) {
      const name = nameOf(request);
      const roundTrips = await agreed(() => count(request));
      counted[name] = table[name]?.includes(roundTrips) === true ? table[name] : [roundTrips];
    }
    expect(counted).toEqual(table);
  },
);

it('each route is in the table or has a reason why not', async () => {
  const unused = (): Promise<Response> => Promise.reject(new Error('nothing is sent'));
  const requests = distantRequests(unused, await distantTenants());
  const routes = new Set([...requests.map(({ route }) => route), ...Object.keys(WITHOUT_ROW)]);
  const documented = new Contract(openApi).operations.map(({ method, path }) => `${method} ${path}`);
  expect([...routes].sort()).toEqual(documented.sort());
  expect(requests.filter(({ route }) => route in WITHOUT_ROW)).toEqual([]);
});
