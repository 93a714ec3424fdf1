import { describe, expect, it } from 'vitest';
import {
  isTraceparent,
  onJobs,
  onlyFault,
  toWorker,
  useProxiedSystem,
  verifyHere,
} from './support/proxied-system.ts';

useProxiedSystem();

describe('between NATS and the worker', () => {
  it('a header that is dropped is named, with the worker that did not get it', async () => {
    toWorker.change = onJobs((headers) => headers.filter((header) => !isTraceparent(header)));
    const fault = onlyFault(await verifyHere('plain'), 'plain');
    expect(fault).toMatch(/^bridge → worker: .*is missing in the trace; .*no `traceparent` arrived there/);
  });

  it('a header that is renamed is named like one that is dropped', async () => {
    toWorker.change = onJobs((headers) =>
      headers.map((header) => (isTraceparent(header) ? ['x-b3-traceparent', header[1]] : header)),
    );
    expect(onlyFault(await verifyHere('plain'), 'plain')).toMatch(
      /^bridge → worker: .*drops the header, or renames it/,
    );
  });

  it('flags that are wrong are named, in both directions', async () => {
    toWorker.change = onJobs((headers) =>
      headers.map(([name, value]) => [
        name,
        name === 'traceparent'
          ? value.replace(/[0-9a-f]$/, (digit) => (Number(digit) % 2 ? '2' : '3'))
          : value,
      ]),
    );
    const verified = await verifyHere('plain', 'unsampled');
    expect(onlyFault(verified, 'plain')).toMatch(/^bridge → worker: .*not sampled: the flags/);
    expect(onlyFault(verified, 'unsampled')).toMatch(
      /^bridge → worker: the caller asked for no spans .*throughline-worker recorded some/,
    );
  });

  it('a random flag that is lost is named', async () => {
    toWorker.change = onJobs((headers) =>
      headers.map(([name, value]) => [name, name === 'traceparent' ? value.replace(/3$/, '1') : value]),
    );
    expect(onlyFault(await verifyHere('tracestate'), 'tracestate')).toMatch(
      /^bridge → worker: the random flag of `traceparent` \(02\) did not reach/,
    );
  });

  it('two propagators are named', async () => {
    toWorker.change = onJobs((headers) => [
      ...headers,
      ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
    ]);
    expect(onlyFault(await verifyHere('plain'), 'plain')).toMatch(
      /^bridge → worker: .*not valid \(repeated\)\. Two propagators/,
    );
  });

  it('a second propagator that replaces the parent is named', async () => {
    toWorker.change = onJobs((headers) =>
      headers.map(([name, value]) => [
        name,
        name === 'traceparent' ? value.replace(/-[0-9a-f]{16}-/, '-00f067aa0ba902b7-') : value,
      ]),
    );
    expect(onlyFault(await verifyHere('plain'), 'plain')).toMatch(
      /^bridge → worker: the attempt's parent is 00f067aa0ba902b7, .*such as a second propagator/,
    );
  });

  it('contexts of a batch that are mixed up are named', async () => {
    let before: string | undefined;
    toWorker.change = onJobs((headers) => {
      const own = headers.find(isTraceparent)?.[1];
      const given = before ?? own ?? '';
      before = own;
      return headers.map((header) => (isTraceparent(header) ? ['traceparent', given] : header));
    });
    expect(onlyFault(await verifyHere('batch'), 'batch')).toMatch(
      /^bridge → worker: .*the contexts of messages of one batch are mixed up/,
    );
  });

  it('a result that loses its context on the way back is named', async () => {
    toWorker.changePublished = (headers, subject) =>
      subject.startsWith('events.') ? headers.filter((header) => !isTraceparent(header)) : headers;
    expect(onlyFault(await verifyHere('plain'), 'plain')).toMatch(
      /^worker → bridge: the bridge's span of the result does not link to the worker's span that sent it/,
    );
  });

  it('baggage that is dropped is named', async () => {
    toWorker.change = onJobs((headers) => headers.filter(([name]) => name !== 'baggage'));
    expect(onlyFault(await verifyHere('baggage', 'plain'), 'baggage')).toContain(
      '`baggage` did not reach the operation',
    );
  });
});
