/** Holds our CloudEvents against what their official SDKs wrote and read (the programs are beside this file). */
import { readFile } from 'node:fs/promises';
import { headers as natsHeaders } from '@nats-io/transport-node';
import { describe, expect, test } from 'vitest';
import { extract, fromNatsHeaders } from '../../../shared/propagation/index.ts';
import { headerValues } from '../../../shared/wire/headers.ts';
import { readJobMessage } from '../../../shared/wire/job-message.ts';
import { toBinaryMode } from '../../../shared/wire/structured-event.ts';
import { jobSubject } from '../../../shared/wire/subjects.ts';
import { EVENTS, type SdkEvent } from './events.ts';
import { ourEvents } from './ours.ts';

interface Written {
  readonly what: string;
  readonly mode: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface SdkVectors {
  readonly sdk: string;
  readonly version: string;
  readonly written: readonly Written[];
  readonly read: readonly SdkEvent[];
}

const SDKS = ['python', 'go', 'javascript'];
const MODES = ['binary', 'structured'];
const SUBJECT = jobSubject({ tenant: 'acme', jobId: 'job-1', operation: 'image.thumbnail' });

async function vectorsOf(name: string): Promise<SdkVectors> {
  return JSON.parse(await readFile(new URL(`${name}.json`, import.meta.url), 'utf8'));
}

/** What a worker reads from a job message that an SDK wrote. */
function understood({ headers, body }: Written) {
  const received = natsHeaders();
  for (const [name, value] of Object.entries(headers)) received.set(name, value);
  const message = toBinaryMode({ headers: received, data: new TextEncoder().encode(body) });
  const { input, acceptedAt } = readJobMessage(SUBJECT, headerValues(message.headers), message.data);
  const { spanContext } = extract(fromNatsHeaders(message.headers));
  return {
    input,
    acceptedAt,
    traceId: spanContext?.traceId,
    tracestate: spanContext?.traceState?.serialize(),
  };
}

describe.each(SDKS)('the SDK of CloudEvents for %s', (name) => {
  test('its vectors are of these events and of the messages that we send today', async () => {
    const { sdk, version, written, read } = await vectorsOf(name);
    expect([sdk, version]).toEqual([expect.stringContaining('cloudevents'), expect.stringMatching(/^\d/)]);
    expect(written.map(({ what, mode }) => [what, mode])).toEqual(
      EVENTS.flatMap(({ what }) => MODES.map((mode) => [what, mode])),
    );
    expect(read.map(({ what }) => what)).toEqual(ourEvents().map(({ what }) => what));
  });

  test.each(EVENTS.flatMap((event) => MODES.map((mode) => [mode, event.what, event] as const)))(
    'a worker reads in %s mode %s',
    async (mode, what, { attributes, data }) => {
      const { written } = await vectorsOf(name);
      const message = written.find((each) => each.what === what && each.mode === mode);
      if (message === undefined) throw new Error('the SDK did not write it');
      expect(understood(message)).toEqual({
        input: data,
        acceptedAt: attributes.time,
        traceId: attributes.traceparent?.slice(3, 35),
        tracestate: attributes.tracestate,
      });
    },
  );

  test.each(ourEvents())('it reads $what as we mean it', async ({ what, headers, body }) => {
    const { read } = await vectorsOf(name);
    const arrived = read.find((each) => each.what === what);
    expect(arrived).toMatchObject(what === 'a callback' ? structured(body) : binary(headers, body));
  });
});

function binary(headers: Readonly<Record<string, string>>, body: string) {
  const attributes = Object.entries(headers)
    .filter(([name]) => name.startsWith('ce-'))
    .map(([name, value]) => [name.slice(3), value]);
  return { attributes: Object.fromEntries(attributes), data: JSON.parse(body) };
}

function structured(body: string) {
  const { data, ...attributes } = JSON.parse(body);
  return { attributes, data };
}
