import { createRequire } from 'node:module';
import path from 'node:path';
import { expect, it } from 'vitest';
import * as z from 'zod';
import * as honoUnused from '../../../dev/edge/stand-ins/hono-unused.ts';
import * as tracerMetrics from '../../../dev/edge/stand-ins/otel-tracer-metrics.ts';
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
