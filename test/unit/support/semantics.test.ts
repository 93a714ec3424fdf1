import { describe, expect, it } from 'vitest';
import { METRIC_SECTIONS } from '../../../scripts/metrics/page.ts';
import { SCHEMA_URL } from '../../../shared/trace/tracer.ts';
import { ConventionCheck } from '../../support/semantics/conventions.ts';
import { metricsIn, sentInMetrics, sentInTraces } from '../../support/semantics/otlp-names.ts';
import { readSpanModel } from '../../support/spans/span-model.ts';

const check = new ConventionCheck();

describe('the names that we write down', () => {
  it('are of the release that the spans name', () => {
    expect(SCHEMA_URL).toBe(`https://opentelemetry.io/schemas/${check.version}`);
  });

  it('are those of the conventions: each attribute of docs/TELEMETRY.md', () => {
    const faults = [...readSpanModel().attributes].flatMap(
      ([name, type]) => check.attribute(name, typeof type === 'string' ? type : 'string') ?? [],
    );
    expect(faults).toEqual([]);
  });

  it('are those of the conventions: each metric of docs/METRICS.md, with its kind, its unit and its attributes', () => {
    const metrics = METRIC_SECTIONS.flatMap((section) => section.metrics);
    const faults = metrics.flatMap((metric) => {
      const typeOf = (name: string): string => (name === 'http.response.status_code' ? 'int' : 'string');
      const labels = Object.keys(metric.attributes);
      return [
        check.metric(metric) ?? [],
        ...labels.map((name) => check.label(metric.name, name, typeOf(name)) ?? []),
      ].flat();
    });
    expect(faults).toEqual([]);
  });
});

describe('the check', () => {
  it.each([
    ['messaging.system', 'string', undefined],
    ['messaging.sytem', 'string', 'no convention has the attribute messaging.sytem'],
    ['messaging.system.name', 'string', 'no convention has the attribute messaging.system.name'],
    ['http.method', 'string', 'the attribute http.method is deprecated: http.request.method'],
    ['server.port', 'string', 'the attribute server.port is of type string, not int'],
    ['server.port', 'int', undefined],
    ['http.request.header.x-id', 'string[]', undefined],
    [
      'http.request.header.x-id',
      'string',
      'the attribute http.request.header.x-id is of type string, not string[]',
    ],
    ['throughline.job.id', 'string', undefined],
    ['tenant', 'string', 'no convention has the attribute tenant'],
  ])('of the attribute %s of type %s', (name, type, fault) => {
    expect(check.attribute(name, type)).toBe(fault);
  });

  it.each([
    ['messaging.process.duration', 'histogram', 's', undefined],
    ['messaging.process.duration', 'histogram', 'ms', 'the unit of messaging.process.duration is ms, not s'],
    [
      'v8js.memory.heap.used',
      'gauge',
      'By',
      'the metric v8js.memory.heap.used is a gauge, not a updowncounter',
    ],
    [
      'v8js.memory.heap.limit',
      'updowncounter',
      'By',
      'the metric v8js.memory.heap.limit is deprecated: v8js.memory.heap.space.size',
    ],
    ['nodejs.heap', 'gauge', 'By', 'no convention has the metric nodejs.heap'],
    ['throughline.jobs.ended', 'counter', '{job}', undefined],
  ])('of the metric %s, a %s in %s', (name, instrument, unit, fault) => {
    expect(check.metric({ name, instrument, unit })).toBe(fault);
  });

  it('lets metrics of ours alone have words of their own as attributes', () => {
    expect(check.label('throughline.jobs.ended', 'operation', 'string')).toBeUndefined();
    expect(check.label('throughline.jobs.ended', 'error.typ', 'string')).toContain('no convention');
    expect(check.label('http.server.request.duration', 'operation', 'string')).toContain('no convention');
  });

  it('lets fields of log lines be words of ours, but none of the conventions in another type', () => {
    expect(check.field('job_id', 'string')).toBeUndefined();
    expect(check.field('exception.stacktrace', 'string')).toBeUndefined();
    expect(check.field('exception.stack', 'string')).toContain('no convention');
  });

  it('accepts what the page excepts, and nothing else', () => {
    const page =
      '\n## Names outside the conventions\n\n| name | of | why |\n| --- | --- | --- |\n| `odd.name` | a test | it is one |\n';
    const lenient = new ConventionCheck(page);
    expect(lenient.attribute('odd.name', 'string')).toBeUndefined();
    expect(lenient.attribute('odd.names', 'string')).toContain('no convention');
  });
});

describe('the reading of OTLP', () => {
  const attribute = (key: string, value: object) => ({ key, value });

  it('finds the attributes of resources, spans, events and links, with their types', () => {
    const span = {
      name: 'work',
      attributes: [attribute('a', { intValue: '1' }), attribute('b', { doubleValue: 1.5 })],
      events: [{ name: 'exception', attributes: [attribute('c', { boolValue: true })] }],
      links: [{ attributes: [attribute('d', { arrayValue: { values: [{ stringValue: 'x' }] } })] }],
    };
    const resource = { attributes: [attribute('e', { stringValue: 'x' })] };
    const body = { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'ours' }, spans: [span] }] }] };
    expect(sentInTraces(body).map(({ of, name, type }) => `${of} ${name} ${type}`)).toEqual([
      'resource e string',
      'work a int',
      'work b double',
      'work c boolean',
      'work d string[]',
    ]);
  });

  it('finds the metrics, with their kinds, and the attributes of their points', () => {
    const points = { dataPoints: [{ attributes: [attribute('a', { stringValue: '1' })] }] };
    const metrics = [
      { name: 'up', unit: '1', gauge: points },
      { name: 'sent', unit: 'By', sum: { ...points, isMonotonic: true } },
      { name: 'open', unit: '1', sum: points },
      { name: 'took', unit: 's', histogram: points },
    ];
    const body = { resourceMetrics: [{ resource: { attributes: [] }, scopeMetrics: [{ metrics }] }] };
    expect(metricsIn(body).map(({ name, instrument }) => `${name} ${instrument}`)).toEqual([
      'up gauge',
      'sent counter',
      'open updowncounter',
      'took histogram',
    ]);
    expect(sentInMetrics(body).map(({ metric, name }) => `${metric} ${name}`)).toEqual([
      'up a',
      'sent a',
      'open a',
      'took a',
    ]);
  });
});
