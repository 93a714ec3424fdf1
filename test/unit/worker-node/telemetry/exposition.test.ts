import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Attributes, Meter } from '@opentelemetry/api';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { expect, it, onTestFinished } from 'vitest';
import { Exemplars } from '../../../../worker-node/telemetry/measure/exemplars.ts';
import { Exposition } from '../../../../worker-node/telemetry/measure/exposition.ts';
import { OPENMETRICS_TYPE } from '../../../../worker-node/telemetry/measure/openmetrics.ts';
import { until } from '../../../support/poll.ts';

/** What a scrape shows after an operation, or a library of it, has measured something. */
async function scrape(
  measure: (meter: Meter) => void,
  accept = '*/*',
  exemplars = new Exemplars(),
): Promise<string> {
  const exposition = new Exposition(exemplars);
  const provider = new MeterProvider({ readers: [exposition.reader] });
  onTestFinished(() => provider.shutdown());
  measure(provider.getMeter('shop', '1'));
  const server = createServer((_request, response) => exposition.respond(response)).listen(0);
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return await (await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept } })).text();
}

/** The labels of the samples of a family, in their order. */
function labelsOf(text: string, family: string): [name: string, value: string][][] {
  const lines = text.split('\n').filter((line) => line.startsWith(`${family}{`));
  return lines.map((line) =>
    Array.from(line.matchAll(/([^{,="]*)="((?:[^"\\]|\\.)*)"/g), ([, name = '', value = '']) => [
      name,
      value,
    ]),
  );
}

// Prometheus refuses a whole scrape for one label that it cannot take: all metrics of the worker would be gone.
it.each<[string, Attributes, Record<string, string>]>([
  ['names that become the same', { 'a.b': 1, a_b: 2, 'a-b': 3, a__b: 4 }, { a_b: '1;2;3;4' }],
  ['names without a letter of ASCII', { ü: 1, é: 2 }, { _: '1;2' }],
  ['a digit at the beginning', { '1st': 'x' }, { _1st: 'x' }],
  ['an empty name', { '': 'x' }, { _: 'x' }],
  ['names that Prometheus keeps for itself', { __name__: 'x', le: 'y' }, { _name_: 'x', exported_le: 'y' }],
  ['the names of the scope', { 'otel.scope.name': 'x' }, { exported_otel_scope_name: 'x' }],
  ['values with marks', { text: 'a"b\\c\nd' }, { text: 'a\\"b\\\\c\\nd' }],
])('attributes of an author become labels that Prometheus takes: %s', async (_what, attributes, wanted) => {
  for (const accept of ['*/*', OPENMETRICS_TYPE]) {
    const text = await scrape((meter) => {
      meter.createCounter('own').add(1, attributes);
      meter.createHistogram('took').record(1, attributes);
    }, accept);
    const scope = { otel_scope_name: 'shop', otel_scope_version: '1' };
    for (const family of ['own_total', 'took_count']) {
      const [labels = []] = labelsOf(text, family);
      expect(new Set(labels.map(([name]) => name)).size).toBe(labels.length);
      expect(Object.fromEntries(labels)).toEqual({ ...wanted, ...scope });
    }
    const [bucket = []] = labelsOf(text, 'took_bucket');
    expect(bucket.filter(([name]) => name === 'le')).toHaveLength(1);
  }
});

it('a gauge of an author that never says its value is left out, and costs no other metric', async () => {
  const text = await scrape((meter) => {
    meter.createCounter('own').add(1);
    meter.createObservableGauge('silent').addCallback(() => new Promise(() => undefined));
  });
  expect(text).toContain('own_total');
  expect(text).not.toContain('silent{');
});

it('scrapes that come while another one waits for a gauge are answered by one more reading', async () => {
  const exposition = new Exposition(new Exemplars());
  const provider = new MeterProvider({ readers: [exposition.reader] });
  onTestFinished(() => provider.shutdown());
  const asked: (() => void)[] = [];
  const measure = (): Promise<void> => new Promise((resolve) => asked.push(resolve));
  provider.getMeter('shop').createObservableGauge('slow').addCallback(measure);
  const came: ServerResponse[] = [];
  const server = createServer((_request, response) => {
    exposition.respond(response);
    came.push(response);
  }).listen(0);
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
  const first = fetch(url);
  await until('the first reading', () => asked.length === 1);
  const others = [fetch(url), fetch(url), fetch(url)];
  await until('the other scrapes', () => came.length === 4);
  asked[0]?.();
  expect((await first).status).toBe(200);
  await until('the second reading', () => asked.length === 2);
  asked[1]?.();
  for (const { status } of await Promise.all(others)) expect(status).toBe(200);
  expect(asked).toHaveLength(2);
});

it.each<[string, unknown]>([
  ['a number', 7],
  ['an object', { name: 'shop' }],
  ['a symbol', Symbol('shop')],
  ['nothing', null],
])('a unit, a description or a label that is %s costs no metric', async (_what, said) => {
  const text = said as string;
  const shown = await scrape((meter) => {
    meter.createCounter('own', { unit: text, description: text }).add(1, { label: text });
    meter.createCounter('other').add(1);
  });
  expect(shown).toMatch(/^own\w*_total\{/m);
  expect(shown).toMatch(/^other_total\{/m);
});

it('an author’s metric whose name ends like that of a bucket has no exemplar, and takes none from a bucket', async () => {
  const of = (_name: string, _attributes: Attributes, bucket: number) => ({
    value: bucket,
    traceId: 't',
    spanId: 's',
    at: 0,
  });
  const exemplars = { of } as unknown as Exemplars;
  const text = await scrape(
    (meter) => {
      meter.createGauge('s3.bucket').record(7);
      meter.createHistogram('took', { advice: { explicitBucketBoundaries: [1, 2] } }).record(1);
    },
    OPENMETRICS_TYPE,
    exemplars,
  );
  const lines = text.split('\n').filter((line) => /_bucket\{/.test(line));
  expect(lines.map((line) => / # \{.*\} (\d) /.exec(line)?.[1])).toEqual([undefined, '0', '1', '2']);
});
