import { createRequire } from 'node:module';
import path from 'node:path';
import { expect, it } from 'vitest';
import * as z from 'zod';
import * as honoUnused from '../../../dev/edge/stand-ins/hono-unused.ts';
import * as otelUnused from '../../../dev/edge/stand-ins/otel-unused.ts';
import * as tracerMetrics from '../../../dev/edge/stand-ins/otel-tracer-metrics.ts';
import zodEn from '../../../dev/edge/stand-ins/zod-en.ts';
import * as zodMemoizer from '../../../dev/edge/stand-ins/zod-memoizer.ts';
import * as zodRegexes from '../../../dev/edge/stand-ins/zod-regexes.ts';

const { resolve } = createRequire(import.meta.url);

async function namesIn(folder: string, file: string): Promise<string[]> {
  return Object.keys((await import(path.join(folder, file))) as object);
}

it('the stand-in for the parts of zod has the names of those parts', async () => {
  const names = await namesIn(path.dirname(resolve('zod/v4/core')), 'memoizer.js');
  expect(Object.keys(zodMemoizer).sort()).toEqual(names.sort());
  expect(zodMemoizer.memoizer()).toBeUndefined();
});

it('the stand-in for the patterns of zod has names of theirs, those that the Worker uses, and others that fit no text', async () => {
  const names = await namesIn(path.dirname(resolve('zod/v4/core')), 'regexes.js');
  expect(names).toEqual(expect.arrayContaining(Object.keys(zodRegexes)));
  expect(zodRegexes.datetime({})).toEqual(z.regexes.datetime({}));
  expect(zodRegexes.number).toBe(z.regexes.number);
  for (const unused of [zodRegexes.email, zodRegexes.uuid(), zodRegexes.undefined])
    for (const text of ['', 'a@example.com', 'undefined']) expect(unused.test(text)).toBe(false);
});

it.each<[string, z.ZodType, unknown[]]>([
  [
    'a type',
    z.strictObject({ a: z.number() }),
    [5, 'a', null, undefined, [], {}, { a: Number.NaN }, { a: Infinity }],
  ],
  ['a value', z.literal('a'), ['b', 5]],
  ['values', z.enum(['a', 'b']), ['c', null]],
  ['a text', z.string().min(2).max(3).regex(/^a/), ['', 'abcd', 'bc']],
  ['a length', z.string().length(2), ['a', 'abc']],
  ['a number', z.number().min(1).max(3), [0, 4]],
  ['a number within', z.number().gt(1).lt(3), [1, 3]],
  ['a whole number', z.int(), [0.5, 2 ** 60]],
  ['a list', z.array(z.string()).min(1).max(2), [[], ['a', 'b', 'c']]],
  ['a time', z.iso.datetime({ offset: true }), ['now']],
  ['fields', z.strictObject({}), [{ a: 1 }, { a: 1, b: 2 }]],
  ['names', z.record(z.string().min(2), z.string()), [{ a: 'b' }]],
  ['a choice', z.union([z.string(), z.number()]), [true]],
])('the stand-in for the sentences of zod says what zod says about %s', (_what, schema, values) => {
  const found: z.core.$ZodRawIssue[] = [];
  const error: z.core.$ZodErrorMap = (issue) => void found.push(issue);
  // zod makes an error when it is read.
  for (const value of values) void schema.safeParse(value, { error }).error?.issues;
  expect(found.length).toBeGreaterThanOrEqual(values.length - 1);
  for (const issue of found) expect(zodEn().localeError(issue)).toBe(z.locales.en().localeError(issue));
});

it('the stand-in for the parts of Hono that the Worker does not use throws if anything uses it', () => {
  const { HtmlEscapedCallbackPhase: _phase, ...functions } = honoUnused;
  for (const unused of Object.values(functions)) expect(unused).toThrow('this bundle has no HTML');
});

it('the stand-in for the metrics of the SDK’s tracers has their names, and counts nothing', async () => {
  const file = path.join(path.dirname(resolve('@opentelemetry/sdk-trace')), 'TracerMetrics.js');
  const { TracerMetrics } = (await import(file)) as { TracerMetrics: { prototype: object } };
  const names = (part: { prototype: object }): string[] => Object.getOwnPropertyNames(part.prototype);
  expect(names(tracerMetrics.TracerMetrics)).toEqual(names(TracerMetrics));
  expect(new tracerMetrics.TracerMetrics().startSpan()()).toBeUndefined();
});

it('the stand-in for a meter and for `util.inspect` has the names of both that OpenTelemetry uses', async () => {
  const names = await namesIn(path.dirname(resolve('@opentelemetry/sdk-trace')), 'inspect.js');
  expect(Object.keys(otelUnused).sort()).toEqual([...names, 'createNoopMeter'].sort());
  const { createNoopMeter } = (await import('@opentelemetry/api')) as object as Record<string, unknown>;
  expect(createNoopMeter).toBeInstanceOf(Function);
});
