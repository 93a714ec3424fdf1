import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { Job } from '../../shared/job/job.ts';
import { exchangeRaw } from '../support/http/raw-http.ts';
import { until } from '../support/poll.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

/** Characters that end a line or control a terminal: C0, DEL, C1, line and paragraph separators, writing direction. */
const COMMANDS = '\n\r\t\0\u001b[2J\u007f\u0085\u009b31m\u2028\u2029\u202e\u2066\ufeff';
const FORGED = '{"level":"error","msg":"forged"}';
const HOSTILE = `${COMMANDS}${FORGED}${COMMANDS}`;
/** The characters of these that the value of a header can hold, as bytes. */
const HOSTILE_BYTES = '\u0085\u009b31m\u00e2\u0080\u00a8{"level":"error"}';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({
    edge: { LOG_LEVEL: 'debug' },
    worker: { LOG_LEVEL: 'debug' },
    operationsFolder: 'test/fixtures/operations',
  });
});

describe('a line of a log', () => {
  it('A27: stays one line of printable text, whatever a caller sends', async () => {
    await stack.submit({ operation: HOSTILE, input: HOSTILE });
    await stack.submit({ operation: 'echo', input: 1, [HOSTILE]: 1 });
    await stack.submit({ operation: 'echo', input: HOSTILE, delay: HOSTILE, timeout: HOSTILE });
    await stack.submit({ operation: 'http.request', input: { url: 'http://a/', [HOSTILE]: 1 } });
    await stack.submit({
      operation: 'http.request',
      input: { url: 'http://a/', headers: { [HOSTILE]: '' } },
    });
    for (const path of [`jobs/${encodeURIComponent(HOSTILE)}`, `${encodeURIComponent(HOSTILE)}`]) {
      await stack.call(`/v1/${path}?${encodeURIComponent(HOSTILE)}`);
    }
    const { host } = new URL(stack.url);
    for (const name of [
      'Authorization',
      'User-Agent',
      'traceparent',
      'baggage',
      'Idempotency-Key',
      'Prefer',
    ]) {
      await exchangeRaw(
        stack.url,
        `GET /v1/operations HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${name}: ${HOSTILE_BYTES}\r\n\r\n`,
      );
    }
    await expectCleanLog();
  });

  it('A27: stays so when an operation fails with a text of its caller', async () => {
    const response = await stack.submit(
      { operation: 'test.thrower', input: { message: HOSTILE } },
      { prefer: 'wait=30' },
    );
    const job = Job.parse(await response.json());
    expect(job.state).toBe('failed');
    const line = await until('the line of the failure', () =>
      stack.logs().find(({ job_id, msg }) => job_id === job.id && msg === 'attempt failed'),
    );
    expect(String(line.reason)).toContain(FORGED);
    await expectCleanLog();
  });

  it('A27: stays so when a producer publishes to a subject that it made up', async () => {
    const nats = await connect({ servers: stack.nats.url });
    await jetstream(nats).publish(`jobs.normal.p2.demo.\u2028\u009b31m.${FORGED}`, HOSTILE);
    await nats.close();
    await until('the line of the refusal', () => stack.logs().find(({ msg }) => msg === 'message refused'));
    await expectCleanLog();
  });
});

/** Checks that every line of edge and worker is one JSON object of printable text, and that none was made by a caller. */
async function expectCleanLog(): Promise<void> {
  expect(stack.lines.length).toBeGreaterThan(5);
  for (const line of stack.lines) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/);
    expect(JSON.parse(line)).toMatchObject({ service: expect.stringMatching(/^throughline-/) });
  }
  expect(stack.logs().filter(({ msg }) => msg === 'forged')).toEqual([]);
}
