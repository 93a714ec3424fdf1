import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { createApiKey } from '../../shared/api/access.ts';
import { Job } from '../../shared/job/job.ts';
import { bodyOf } from '../support/http/answers.ts';
import { Contract, type ContractDocument } from '../support/http/contract.ts';
import { until } from '../support/poll.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { SUITE } from '../support/suite-settings.ts';
import { type Document, type FuzzRequest, requestsOf } from './requests.ts';
import { Sender } from './send.ts';

/** The number of requests: few in `npm test`, 10,000 in `npm run test:fuzz`. */
const REQUESTS = SUITE.FUZZ_REQUESTS ?? 400;
/** The same seed gives the same requests. A long run has another seed each time. */
const SEED = SUITE.FUZZ_SEED ?? (SUITE.FUZZ_REQUESTS === undefined ? 1 : randomInt(1, 2 ** 31));
const AT_ONCE = 32;
const LONGEST_MS = 60_000;
const MAX_SHOWN = 5;

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ operationsFolder: 'test/fixtures/operations', tracing: false });
});

it(
  'takes any request, and answers as the document says',
  async () => {
    process.stdout.write(`fuzz: ${REQUESTS} requests, FUZZ_SEED=${SEED}\n`);
    const document = (await (await stack.call('/openapi.json')).json()) as ContractDocument & Document;
    const contract = new Contract(document);
    const ids = await Promise.all(Array.from({ length: 8 }, (_, index) => makeJob(index)));
    const authorizations = [
      `Bearer ${stack.apiKey}`,
      '',
      'Bearer x',
      'Basic eDp5',
      `Bearer ${createApiKey('a')}`,
    ];
    const operations = ['echo', 'echo', 'test.mode', 'nobody'];
    const requests = fc.sample(
      requestsOf(contract.operations, document, { ids, operations, authorizations }),
      { seed: SEED, numRuns: REQUESTS },
    );

    const counts = new Map<string, number>();
    const faults: string[] = [];
    const sender = new Sender(stack.url, AT_ONCE);
    const queue = requests.entries();
    const work = async (): Promise<void> => {
      for (const [index, request] of queue) {
        const operation = contract.find(request.method, request.url);
        const name = operation === undefined ? 'elsewhere' : `${operation.method} ${operation.path}`;
        try {
          const answer = await sender.send(request, LONGEST_MS);
          counts.set(`${name} ${answer.status}`, (counts.get(`${name} ${answer.status}`) ?? 0) + 1);
          if (answer.status >= 500) throw new Error(`${answer.status} ${answer.body}`);
          contract.check(request.method, request.url, answer);
        } catch (thrown) {
          faults.push(`request ${index}, ${shown(request)}\n${String(thrown)}`);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    sender.close();

    for (const [name, count] of [...counts].sort())
      process.stdout.write(`  ${String(count).padStart(6)} ${name}\n`);
    expect(faults.slice(0, MAX_SHOWN), `${faults.length} faults, FUZZ_SEED=${SEED}`).toEqual([]);
    expect(new Set([...counts.keys()].map((key) => key.replace(/ \d+$/, '')))).toEqual(
      new Set(['elsewhere', ...contract.operations.map(({ method, path }) => `${method} ${path}`)]),
    );
    expect((await stack.call('/readyz')).status).toBe(200);
    expect((await stack.run('echo', { still: 'there' })).result).toEqual({ still: 'there' });
  },
  10 * 60_000,
);

/** Makes a job with the same id in every run: ended, dead, or delayed. */
async function makeJob(index: number): Promise<string> {
  const kinds = [
    { operation: 'echo', input: index },
    { operation: 'test.mode', input: { mode: 'reject' } },
    { operation: 'echo', input: index, delay: '1h' },
  ];
  const response = await stack.submit(kinds[index % kinds.length], { 'idempotency-key': `fuzz-${index}` });
  const { id } = await bodyOf(Job, response);
  if (index % kinds.length === 1) {
    await until('the dead letter', async () => (await stack.call(`/v1/dead-letters/${id}`)).ok);
  }
  return id;
}

function shown({ method, url, headers, body }: FuzzRequest): string {
  const text = body === undefined ? '' : ` ${body.toString('latin1').slice(0, 300)}`;
  return `${method} ${url.slice(0, 300)} ${JSON.stringify(headers).slice(0, 500)}${text}`;
}
