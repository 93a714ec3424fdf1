import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { DeadLetterPage } from '../../shared/api/answers/dead-letter.ts';
import { Job } from '../../shared/job/job.ts';
import { atEndOfFile } from '../support/cleanup.ts';
import { bodyOf, bridgesOf } from '../support/http/answers.ts';
import { until } from '../support/poll.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { type Caller, tenants } from '../support/tenants.ts';

/** Nearly the largest input, and nearly the largest result of `http.request`. */
const LARGE = 'x'.repeat(250_000);
const JSON_BODY = { 'content-type': 'application/json' };
const JOBS = 16;
/** nats-server closes a connection to which it cannot send 64 MiB. These are more. */
const MESSAGES = 300;
const PAGES = 100;

let stack: TestStack;
let victim: Caller;
let attacker: Caller;
/** A URL that answers with a large body. */
let large: string;
let dead: readonly string[];
let ended: readonly string[];

/** A request for a job with a large result. The same key means the same job. */
function submission(key: string, more: object = {}, headers: Record<string, string> = {}): RequestInit {
  return {
    method: 'POST',
    headers: { ...JSON_BODY, 'idempotency-key': key, ...headers },
    body: JSON.stringify({ operation: 'http.request', input: { url: large }, ...more }),
  };
}

beforeAll(async () => {
  const target = createServer((_, response) => void response.end(LARGE)).listen(0, '127.0.0.1');
  atEndOfFile(async () => void target.close());
  await until('the target', () => target.listening);
  const { port } = target.address() as AddressInfo;
  large = `http://127.0.0.1:${port}/`;
  const { callers, API_KEYS } = await tenants('victim', 'attacker');
  ({ victim, attacker } = callers);
  stack = await startTestStack({
    edge: { API_KEYS, WAITS_PER_TENANT: String(MESSAGES) },
    worker: { HTTP_REQUEST_ALLOW: large },
  });
  const failing = { operation: 'http.request', input: { url: 'http://127.0.0.1:1/', body: LARGE } };
  const jobs = Array.from({ length: JOBS }, async (_, place) => {
    await bodyOf(Job, attacker.submit(stack.url, failing, { prefer: 'wait=60' }));
    const init = submission(`large-${place}`, {}, { prefer: 'wait=60' });
    return (await bodyOf(Job, attacker.call(stack.url, '/v1/jobs', init))).id;
  });
  ended = await Promise.all(jobs);
  const page = await bodyOf(DeadLetterPage, attacker.call(stack.url, '/v1/dead-letters?limit=100'));
  dead = page.deadLetters.map(({ id }) => id);
  expect(dead.length).toBe(JOBS);
});

/** Sends requests of the attacker at once. @returns how often each status was answered */
async function flood(
  count: number,
  request: (place: number) => readonly [path: string, init?: RequestInit],
): Promise<Record<number, number>> {
  const statuses: Record<number, number> = {};
  const all = Array.from({ length: count }, async (_, place) => {
    const response = await attacker.call(stack.url, ...request(place));
    await response.arrayBuffer();
    statuses[response.status] = (statuses[response.status] ?? 0) + 1;
  });
  await Promise.all(all);
  return statuses;
}

const FLOODS: readonly [
  what: string,
  count: number,
  request: (place: number) => readonly [path: string, init?: RequestInit],
][] = [
  ['pages of dead letters', PAGES, () => ['/v1/dead-letters?limit=100']],
  ['dead letters', MESSAGES, (place) => [`/v1/dead-letters/${dead[place % JOBS]}`]],
  [
    'redrives of many that find nothing',
    PAGES,
    () => ['/v1/dead-letters/redrive', { method: 'POST', headers: JSON_BODY, body: '{"tags":["none"]}' }],
  ],
  [
    'cancels of jobs that have ended',
    MESSAGES,
    (place) => [`/v1/jobs/${ended[place % JOBS]}`, { method: 'DELETE' }],
  ],
  ['requests that were sent before', MESSAGES, (place) => ['/v1/jobs', submission(`large-${place % JOBS}`)]],
  [
    'waits for the end of one job',
    MESSAGES,
    () => ['/v1/jobs', submission('waits', { delay: '4s' }, { prefer: 'wait=60' })],
  ],
];

describe('what one tenant reads at once', () => {
  it.each(FLOODS)('A33: does not cost the others the connection to NATS: %s', async (_, count, request) => {
    const [before] = await bridgesOf(stack);
    const statuses = await flood(count, request);
    process.stderr.write(`A33: ${JSON.stringify(statuses)}\n`);
    const job = await bodyOf(Job, victim.submit(stack.url, { operation: 'echo', input: 1 }));
    expect(job).toMatchObject({ durability: 'stream' });
    expect(await bridgesOf(stack)).toMatchObject([{ connections: before?.connections }]);
  });
});
