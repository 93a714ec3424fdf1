import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { jetstream } from '@nats-io/jetstream';
import { connect, headers } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { start } from '../support/cli/process.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { type HttpProxy, startHttpProxy } from './support/http-proxy.ts';
import { VerifyReport } from './support/verify-report.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT_ID = '00f067aa0ba902b7';

let stack: TestStack;
let traces: HttpProxy;
let nats: Awaited<ReturnType<typeof connect>>;
beforeAll(async () => {
  stack = await startTestStack();
  traces = await startHttpProxy(stack.collector.otlpUrl);
  nats = await connect({ servers: stack.nats.url });
});
afterAll(() => nats.close());

it('--watch tells an orphan once, goes on while the trace store is away, and ends with Ctrl-C', async () => {
  const child = start(['verify', '--watch', '300ms', '--canary', 'plain', '--timeout', '30s', '--json'], {
    THROUGHLINE_URL: stack.url,
    THROUGHLINE_API_KEY: stack.apiKey,
    THROUGHLINE_TRACES_URL: `${traces.url}/traces`,
  });
  if (child.stdout === null) throw new Error('the child has no pipe');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const round = async (): Promise<VerifyReport> =>
    VerifyReport.parse(JSON.parse((await lines.next()).value ?? ''));
  /** Rounds until one is as asked for; the test's own limit ends the search. */
  const untilRound = async (isIt: (report: VerifyReport) => boolean): Promise<VerifyReport> => {
    for (;;) {
      const report = await round();
      if (isIt(report)) return report;
    }
  };

  expect(await round()).toMatchObject({ ok: true, canaries: [{ canary: 'plain', outcome: 'whole' }] });

  const messageHeaders = headers();
  messageHeaders.set('traceparent', `00-${TRACE_ID}-${PARENT_ID}-01`);
  await jetstream(nats).publish('jobs.normal.p2.demo.orphan-1.echo', '1', { headers: messageHeaders });
  const told = await untilRound(({ orphans = [] }) => orphans.length > 0);
  expect(told).toMatchObject({ ok: false, canaries: [{ outcome: 'whole' }] });
  expect(told.orphans).toMatchObject([
    { traceId: TRACE_ID, parentSpanId: PARENT_ID, service: 'throughline-worker' },
  ]);
  expect(await round()).toMatchObject({ ok: true, orphans: [] });

  traces.target = 'http://127.0.0.1:9';
  const away = await untilRound(({ error }) => error !== undefined);
  expect(away).toMatchObject({ ok: false, canaries: [], error: { code: 'traces-unreachable' } });
  traces.target = stack.collector.otlpUrl;
  expect(await untilRound(({ ok }) => ok)).toMatchObject({ canaries: [{ outcome: 'whole' }] });

  child.kill('SIGINT');
  expect((await once(child, 'close'))[0]).toBe(130);
});
