/** Holds our propagation against what the SDKs of other languages wrote and read (the programs are beside this file). */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { extract, fromRecord } from '../../../shared/propagation/index.ts';
import { CONTEXTS, type SdkContext } from './contexts.ts';
import { type Difference, READ_BY_SDK, READ_BY_US } from './differences.ts';
import { type Meaning, meant, understood } from './meaning.ts';
import { ours } from './ours.ts';

interface Injected {
  readonly what: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface SdkVectors {
  readonly sdk: string;
  readonly version: string;
  readonly injected: readonly Injected[];
  readonly extracted: readonly (Injected & SdkContext)[];
}

const SDKS = ['python', 'go', 'rust'];

async function vectorsOf(name: string): Promise<SdkVectors> {
  return JSON.parse(await readFile(new URL(`${name}.json`, import.meta.url), 'utf8'));
}

/** Fails if a context did not arrive as it was meant, unless this difference is listed. */
function expectArrival(context: SdkContext, arrived: Meaning, differences: readonly Difference[]): void {
  const mine = differences.filter(({ whats }) => whats.includes(context.what));
  const whole = meant(context);
  const count = mine.flatMap(({ arrives }) => ('members' in arrives ? [arrives.members] : []))[0];
  if (count !== undefined) {
    expect(arrived.baggage).toHaveLength(count);
    expect(whole.baggage).toEqual(expect.arrayContaining([...arrived.baggage]));
    return;
  }
  expect(arrived).toEqual(Object.assign({}, whole, ...mine.map(({ arrives }) => arrives)));
  if (mine.length > 0) expect(arrived, 'a listed difference is none any more').not.toEqual(whole);
}

describe.each(SDKS)('the SDK of %s', (name) => {
  test('its vectors are of these contexts and of the headers that we send today', async () => {
    const { sdk, version, injected, extracted } = await vectorsOf(name);
    expect([sdk, version]).toEqual([
      expect.stringMatching(/opentelemetry|otel/),
      expect.stringMatching(/^\d/),
    ]);
    expect(injected.map(({ what }) => what)).toEqual(CONTEXTS.map(({ what }) => what));
    expect(extracted.map(({ what, headers }) => ({ what, headers }))).toEqual(ours());
  });

  test.each(CONTEXTS)('we read $what as it meant it', async (context) => {
    const { injected } = await vectorsOf(name);
    const headers = injected.find(({ what }) => what === context.what)?.headers;
    expect(headers).toBeDefined();
    const arrived = understood(extract(fromRecord({ ...headers })).context);
    expectArrival(context, arrived, READ_BY_US[name] ?? []);
  });

  test.each(CONTEXTS)('it reads $what as we meant it', async (context) => {
    const { extracted } = await vectorsOf(name);
    const arrived = extracted.find(({ what }) => what === context.what);
    expect(arrived).toBeDefined();
    expectArrival(context, meant(arrived ?? context), READ_BY_SDK[name] ?? []);
  });
});

test('each listed difference is of a context that exists', () => {
  const whats = new Set(CONTEXTS.map(({ what }) => what));
  const listed = [READ_BY_US, READ_BY_SDK].flatMap((each) => Object.values(each).flat());
  expect(listed.flatMap((each) => each.whats).filter((what) => !whats.has(what))).toEqual([]);
});
