import { connect } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { atEndOfFile } from '../support/cleanup.ts';
import { type CallbackReceiver, startCallbackReceiver } from '../support/http/callback-receiver.ts';
import { metricOf, metricsOf } from '../support/http/metrics.ts';
import { until } from '../support/poll.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

const OTHER_TRACE = '00-11112222333344445555666677778888-1111222233334444-01';

let receiver: CallbackReceiver;
let stack: TestStack;

beforeAll(async () => {
  receiver = await startCallbackReceiver();
  atEndOfFile(() => receiver.stop());
  stack = await startTestStack({ worker: { CALLBACK_ALLOW: receiver.origin } });
});

const atEdge = (...labels: string[]): Promise<number> =>
  metricOf(stack.url, 'throughline_edge_trace_context_extracted_total', ...labels);
const atWorker = (...labels: string[]): Promise<number> =>
  metricOf(stack.worker.healthUrl, 'throughline_trace_context_extracted_total', ...labels);
const atReceivers = (outcome: string): Promise<number> =>
  metricOf(stack.worker.healthUrl, 'throughline_callbacks_trace_response_total', `outcome="${outcome}"`);

/** Runs a job whose callback is answered with a `traceresponse`; `echo` sends back the one that came. */
async function callBack(path: string, traceResponse: string | 'echo' | undefined): Promise<void> {
  receiver.answer(path, (response) => {
    const sent = receiver.at(path).at(-1)?.headers.traceparent;
    const value = traceResponse === 'echo' ? sent : traceResponse;
    response.writeHead(204, value === undefined ? {} : { traceresponse: String(value) }).end();
  });
  const body = { operation: 'echo', input: 1, callback: { url: `${receiver.origin}${path}` } };
  expect((await stack.submit(body)).status).toBe(202);
  await until('the callback arrives', () => receiver.at(path).length > 0);
}

describe('each hop counts whether the trace goes on', () => {
  it('the edge: a traceparent that cannot be read, and one that can', async () => {
    const invalid = await atEdge('hop="edge"', 'outcome="invalid"');
    const continued = await atEdge('hop="edge"', 'outcome="continued"');
    await stack.call('/v1/operations', { headers: { traceparent: 'garbage' } });
    await stack.call('/v1/operations', { headers: { traceparent: OTHER_TRACE } });
    expect(await atEdge('hop="edge"', 'outcome="invalid"')).toBe(invalid + 1);
    expect(await atEdge('hop="edge"', 'outcome="continued"')).toBe(continued + 1);
  });

  it('the edge: the trace of a caller without a key, which is not continued', async () => {
    const untrusted = await atEdge('hop="edge"', 'outcome="untrusted"');
    await fetch(`${stack.url}/v1/operations`, { headers: { traceparent: OTHER_TRACE } });
    expect(await atEdge('hop="edge"', 'outcome="untrusted"')).toBe(untrusted + 1);
  });

  it('the bridge: every call of the edge carries the trace', async () => {
    const before = await atEdge('hop="bridge"', 'outcome="continued"');
    await stack.run('echo', 1);
    expect(await atEdge('hop="bridge"', 'outcome="continued"')).toBeGreaterThan(before);
    expect(await atEdge('hop="bridge"', 'outcome="absent"')).toBe(0);
    // Its caller is the edge, so there is no such series.
    await expect(atEdge('hop="bridge"', 'outcome="untrusted"')).rejects.toThrow('no series');
  });

  it('the worker: a message without a trace', async () => {
    const before = await atWorker('hop="job"', 'outcome="absent"');
    const nats = await connect({ servers: stack.nats.url });
    nats.publish('jobs.normal.p2.demo.by-hand-1.echo', '1');
    await nats.drain();
    await until(
      'it is counted',
      async () => (await atWorker('hop="job"', 'outcome="absent"')) === before + 1,
    );
  });

  it('the delivery of a callback, and the answer of its receiver', async () => {
    await callBack('/silent', undefined);
    await until('the answer is counted', async () => (await atReceivers('absent')) === 1);
    await callBack('/other', OTHER_TRACE);
    await until('the answer is counted', async () => (await atReceivers('other-trace')) === 1);
    await callBack('/same', 'echo');
    await until('the answer is counted', async () => (await atReceivers('continued')) === 1);
    expect(await atWorker('hop="callback"', 'outcome="continued"')).toBe(3);
  });
});

describe('while NATS is away', () => {
  it('edge and worker still answer a scrape, and say so', async () => {
    await stack.nats.stop();
    const { healthUrl } = stack.worker;
    await until(
      'the worker sees it',
      async () => (await metricOf(healthUrl, 'throughline_nats_connected')) === 0,
    );
    await until(
      'the edge sees it',
      async () => (await metricOf(stack.url, 'throughline_bridge_broker_up')) === 0,
    );
    expect(
      await metricOf(healthUrl, 'throughline_jobs_ended_total', 'operation="echo"', '"succeeded"'),
    ).toBeGreaterThan(3);
    expect(await metricsOf(healthUrl)).not.toContain('throughline_nats_round_trip_time_seconds{');
  });
});
