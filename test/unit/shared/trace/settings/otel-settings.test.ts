import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  OTEL_SETTING_NAMES,
  type OtelSettings,
  readOtelSettings,
  SAMPLERS,
} from '../../../../../shared/trace/settings/otel-settings.ts';
import { tracesTarget } from '../../../../../shared/trace/settings/otlp-settings.ts';
import { spanLimits } from '../../../../../shared/trace/settings/span-limit-settings.ts';

const DEFAULTS = {
  maxQueueSize: 2_048,
  maxBatchSize: 512,
  scheduleDelayMs: { fallback: 500, max: 60_000 },
  exportTimeoutMs: { fallback: 20_000, max: 20_000 },
};
const read = (values: Record<string, unknown>) => readOtelSettings(values, DEFAULTS);
const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

describe("OpenTelemetry's settings", () => {
  it.each<[string, string, keyof OtelSettings, unknown]>([
    ['a flag in any case', 'TRUE', 'OTEL_SDK_DISABLED', true],
    ['a flag in any case', 'False', 'OTEL_SDK_DISABLED', false],
    ['a sampler in any case', 'Always_Off', 'OTEL_TRACES_SAMPLER', 'always_off'],
    ['blanks around a value', ' true ', 'OTEL_SDK_DISABLED', true],
    ['blanks around a number', ' 10 ', 'OTEL_BSP_SCHEDULE_DELAY', 10],
    ['an exporter', 'none', 'OTEL_TRACES_EXPORTER', 'none'],
  ])('may have %s: %j', (_what, value, name, expected) => {
    const { settings, warnings } = read({ [name]: value });
    expect([settings[name], warnings]).toEqual([expected, []]);
  });

  it.each([undefined, '', '  '])('are all unset when they are %j', (value) => {
    const values = Object.fromEntries(OTEL_SETTING_NAMES.map((name) => [name, value]));
    expect(read(values)).toEqual(read({}));
    expect(read(values).warnings).toEqual([]);
  });

  it.each([
    ['OTEL_SDK_DISABLED', '1'],
    ['OTEL_SDK_DISABLED', 'yes'],
    ['OTEL_TRACES_SAMPLER', 'jaeger_remote'],
    ['OTEL_TRACES_EXPORTER', 'zipkin'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'grpc://collector:4317'],
    ['OTEL_BSP_SCHEDULE_DELAY', '60001'],
    ['OTEL_BSP_SCHEDULE_DELAY', '-1'],
    ['OTEL_BSP_SCHEDULE_DELAY', '5s'],
    ['OTEL_BSP_MAX_QUEUE_SIZE', '0'],
    ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 'many'],
    ['OTEL_BSP_EXPORT_TIMEOUT', '20001'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'http/protobuf'],
    ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zstd'],
    ['OTEL_EXPORTER_OTLP_TRACES_COMPRESSION', 'on'],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', '0'],
    ['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', '10s'],
    ['OTEL_PROPAGATORS', 'b3'],
    ['OTEL_PROPAGATORS', 'none'],
    ['OTEL_RESOURCE_ATTRIBUTES', 'a=1,b'],
    ['OTEL_RESOURCE_ATTRIBUTES', 'a=%zz'],
    ['OTEL_RESOURCE_ATTRIBUTES', '=1'],
    ['OTEL_ATTRIBUTE_COUNT_LIMIT', '-1'],
    ['OTEL_SPAN_LINK_COUNT_LIMIT', 'none'],
  ])('are ignored with a warning if they are wrong: %s=%s', (name, value) => {
    const { settings, warnings } = read({ [name]: value });
    expect(settings).toEqual(read({}).settings);
    expect(warnings).toEqual([
      expect.stringMatching(new RegExp(`^${name}: must be .*; the value is ignored$`)),
    ]);
    if (value.length > 3) expect(warnings[0]).not.toContain(value);
  });

  it.each(['1.1', '-0.1', 'half', 'NaN'])('ignore the ratio %s', (value) => {
    const sampler = { OTEL_TRACES_SAMPLER: 'traceidratio' };
    const { settings, warnings } = read({ ...sampler, OTEL_TRACES_SAMPLER_ARG: value });
    expect(settings.OTEL_TRACES_SAMPLER_ARG).toBe(1);
    expect(warnings).toEqual(['OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1; the value is ignored']);
  });

  it('warn of a ratio that no sampler uses', () => {
    expect(read({ OTEL_TRACES_SAMPLER_ARG: '0.1' }).warnings).toEqual([
      'OTEL_TRACES_SAMPLER_ARG: the sampler parentbased_always_on does not use it, so it is ignored',
    ]);
    const ratio = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' };
    expect(read(ratio)).toMatchObject({ settings: { OTEL_TRACES_SAMPLER_ARG: 0.1 }, warnings: [] });
  });

  it('name the place of a header that cannot be sent, and send the others', () => {
    const { settings, warnings } = read({ OTEL_EXPORTER_OTLP_HEADERS: 'a=1,canary: x,b=2,c=canary%0A' });
    expect(settings.OTEL_EXPORTER_OTLP_HEADERS).toEqual({ a: '1', b: '2' });
    expect(warnings).toEqual([
      'OTEL_EXPORTER_OTLP_HEADERS: member 2 is not a name=value that a header can hold, so it is ignored',
      'OTEL_EXPORTER_OTLP_HEADERS: member 4 is not a name=value that a header can hold, so it is ignored',
    ]);
  });

  it('never throw, and never show a value', () => {
    const values = fc.dictionary(
      fc.constantFrom(...OTEL_SETTING_NAMES),
      fc.oneof(
        fc.string().map((text) => `canary${text}`),
        fc.constantFrom(7, null, {}, [], true),
      ),
    );
    fc.assert(
      fc.property(values, (given) => {
        const { settings, warnings } = read(given);
        expect(SAMPLERS).toContain(settings.OTEL_TRACES_SAMPLER);
        expect(warnings.join()).not.toContain('canary');
      }),
    );
  });
});

describe('the target of spans', () => {
  const target = (values: Record<string, string>) => tracesTarget(read(values).settings);

  it.each<[Record<string, string>, string | undefined]>([
    [{}, undefined],
    [ENDPOINT, 'http://collector:4318/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/otlp/' }, 'http://collector:4318/otlp/v1/traces'],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/otlp?team=a%2Fb' },
      'http://collector:4318/otlp/v1/traces?team=a%2Fb',
    ],
    [{ ...ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://other/in' }, 'https://other/in'],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://other/in/?a=1' }, 'https://other/in/?a=1'],
    [{ ...ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'nowhere' }, 'http://collector:4318/v1/traces'],
    [{ ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }, undefined],
    [{ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, undefined],
  ])('of %j is %s', (values, url) => {
    expect(target(values)?.url).toBe(url);
  });

  it('has the headers of both settings, and those for traces win', () => {
    const headers = {
      OTEL_EXPORTER_OTLP_HEADERS: 'a=1,b=1',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'b=2',
    };
    expect(target({ ...ENDPOINT, ...headers })?.headers).toEqual({ a: '1', b: '2' });
  });

  it('names a header as HTTP does, in any case: two of one name would be sent as one list', () => {
    const { headers } =
      target({
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://ann:pw@collector',
        OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=general,X-Team=a',
        OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'AUTHORIZATION=own',
      }) ?? {};
    expect(headers).toEqual({ authorization: 'own', 'x-team': 'a' });
  });

  it('takes a user and a password in any script', () => {
    const { headers } = target({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://ünal:日本@collector' }) ?? {};
    const login = Buffer.from('ünal:日本', 'utf8').toString('base64');
    expect(headers).toEqual({ authorization: `Basic ${login}` });
  });

  it('sends a user and a password of its URL as a header', () => {
    expect(target({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://ann:p%40w@collector' })).toEqual({
      url: 'http://collector/v1/traces',
      headers: { authorization: `Basic ${btoa('ann:p@w')}` },
      gzip: false,
      timeoutMs: 10_000,
    });
  });

  it('has the compression and the timeout of both settings, and those for traces win', () => {
    const both = { ...ENDPOINT, OTEL_EXPORTER_OTLP_COMPRESSION: 'GZIP', OTEL_EXPORTER_OTLP_TIMEOUT: '500' };
    expect(target(both)).toMatchObject({ gzip: true, timeoutMs: 500 });
    const ofTraces = {
      OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'none',
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '700',
    };
    expect(target({ ...both, ...ofTraces })).toMatchObject({ gzip: false, timeoutMs: 700 });
  });
});

describe('the attributes of the resource', () => {
  it.each<[string, Record<string, string>]>([
    ['', {}],
    ['a=1', { a: '1' }],
    [
      ' deployment.environment.name = staging , team=a%20b%2Cc',
      { 'deployment.environment.name': 'staging', team: 'a b,c' },
    ],
    ['empty=', { empty: '' }],
  ])('of %j are %j', (text, attributes) => {
    const { settings, warnings } = read({ OTEL_RESOURCE_ATTRIBUTES: text });
    expect([settings.OTEL_RESOURCE_ATTRIBUTES, warnings]).toEqual([attributes, []]);
  });
});

describe('the limits of a span', () => {
  const limits = (values: Record<string, string>) => spanLimits(read(values).settings);

  it('are 128 of each, and texts of any length, as the specification says', () => {
    expect(limits({})).toEqual({
      attributeCountLimit: 128,
      attributeValueLengthLimit: Number.POSITIVE_INFINITY,
      eventCountLimit: 128,
      linkCountLimit: 128,
      attributePerEventCountLimit: 128,
      attributePerLinkCountLimit: 128,
    });
  });

  it('for everything hold where there is none for spans, events or links', () => {
    const all = { OTEL_ATTRIBUTE_COUNT_LIMIT: '7', OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '9' };
    expect(limits(all)).toMatchObject({
      attributeCountLimit: 7,
      attributeValueLengthLimit: 9,
      attributePerEventCountLimit: 7,
      attributePerLinkCountLimit: 7,
    });
    const ofSpans = {
      OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '1',
      OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: '2',
      OTEL_SPAN_EVENT_COUNT_LIMIT: '3',
      OTEL_SPAN_LINK_COUNT_LIMIT: '4',
      OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: '5',
      OTEL_LINK_ATTRIBUTE_COUNT_LIMIT: '6',
    };
    expect(Object.values(limits({ ...all, ...ofSpans }))).toEqual([1, 2, 3, 4, 5, 6]);
  });
});
