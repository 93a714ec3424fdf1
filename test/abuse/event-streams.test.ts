import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { ThroughlineClient } from '../../client/index.ts';
import { findFreePort } from '../../dev/machine/free-port.ts';
import { JobHistory } from '../../shared/api/answers/job-history.ts';
import type { EventKind } from '../../shared/job/event.ts';
import { bodyOf } from '../support/http/answers.ts';
import { jobEvent } from '../support/nats/job-event.ts';
import { until } from '../support/poll.ts';
import { problemOf, startTestStack, type TestStack } from '../support/stack.ts';
import { type Caller, tenants } from '../support/tenants.ts';

const LIMIT = 5;
/** Many large events are stored at a time, beside other tests. */
const STORE_MS = 60_000;
const MIB = 1024 ** 2;
const HEARTBEATS = ':\n\n:\n\n';

let stack: TestStack;
let loud: Caller;
let quiet: Caller;
let unheard: Caller;
let hasty: Caller;
let again: Caller;
let halfOpen: Caller;
let monitor: string;
beforeAll(async () => {
  const { callers, API_KEYS } = await tenants('loud', 'quiet', 'unheard', 'hasty', 'again', 'halfOpen');
  ({ loud, quiet, unheard, hasty, again, halfOpen } = callers);
  const port = await findFreePort();
  monitor = `http://127.0.0.1:${port}`;
  stack = await startTestStack({
    natsConfig: `http: "127.0.0.1:${port}"`,
    edge: { API_KEYS, EVENT_STREAMS_PER_TENANT: String(LIMIT), SSE_HEARTBEAT_MS: '100' },
  });
});

/** Opens the event stream of a job without reading it. */
async function open(caller: Caller, jobId: string, lastEventId?: string) {
  const cut = new AbortController();
  const response = await caller.call(stack.url, `/v1/jobs/${jobId}/events`, {
    headers: {
      accept: 'text/event-stream',
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    },
    signal: cut.signal,
  });
  return { response, cut: () => cut.abort() };
}

/** Reads a stream until its bridge has sent two heartbeats one after the other. */
async function twoHeartbeats({ response }: Awaited<ReturnType<typeof open>>): Promise<void> {
  let end = '';
  for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    end = (end + text).slice(-HEARTBEATS.length);
    if (end === HEARTBEATS) return;
  }
  throw new Error(`the stream ended with ${JSON.stringify(end)}`);
}

/** Records the start of these jobs, as a worker would. */
async function begin(
  tenant: string,
  jobId: string,
  size = 0,
  events = 1,
  kind: EventKind = 'progress',
): Promise<void> {
  const at = new Date().toISOString();
  const event = jobEvent(kind, { jobId, at, result: 'x'.repeat(size) });
  const nats = await connect({ servers: stack.nats.url });
  const published = Array.from({ length: events }, () =>
    jetstream(nats).publish(`events.${tenant}.${jobId}`, JSON.stringify(event), { timeout: STORE_MS }),
  );
  await Promise.all(published);
  await nats.close();
}

/** The id of the first event of a job. */
async function firstIdOf(caller: Caller, jobId: string): Promise<string | undefined> {
  return (await bodyOf(JobHistory, caller.call(stack.url, `/v1/jobs/${jobId}/events`))).events[0]?.id;
}

describe('event streams', () => {
  it('A26: are limited per tenant, and a closed stream frees its place', async () => {
    await begin('loud', 'one');
    await begin('loud', 'two');
    await begin('quiet', 'one');
    const opened = await Promise.all(
      Array.from({ length: LIMIT }, (_, n) => open(loud, n % 2 === 0 ? 'one' : 'two')),
    );
    expect(opened.map(({ response }) => response.status)).toEqual(Array(LIMIT).fill(200));

    const { response: refused } = await open(loud, 'one');
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('5');
    expect(await problemOf(refused)).toMatchObject({ code: 'too-many-streams' });
    // A request for the history as JSON needs no stream.
    expect((await loud.call(stack.url, '/v1/jobs/one/events')).status).toBe(200);

    const other = await open(quiet, 'one');
    expect(other.response.status).toBe(200);
    opened[0]?.cut();
    const next = await until('a place', async () => {
      const again = await open(loud, 'two');
      return again.response.status === 200 && again;
    });
    for (const { cut } of [...opened, other, next]) cut();
  });

  it('A26: give way to a reader of the same job that comes again, and go on where they were', async () => {
    await begin('again', 'one', 0, 2);
    await begin('again', 'two');
    await begin('again', 'long', 256 * 1024, 100);
    const [one = '', two = '', long = ''] = await Promise.all(
      ['one', 'two', 'long'].map((job) => firstIdOf(again, job)),
    );
    const jobs = ['long', ...Array(LIMIT - 1).fill('one')];
    const held = await Promise.all(jobs.map((job) => open(again, job)));
    expect(held.map(({ response }) => response.status)).toEqual(Array(LIMIT).fill(200));
    const [unread, ...read] = held.map(({ response }) => response);
    const reading = Promise.race(read.map((response) => response.text()));
    // A reader that is new, or comes from another job, has no claim. One that comes again waits as it is told.
    const refused = await Promise.all([open(again, 'one'), open(again, 'two', two), open(again, 'one', one)]);
    expect(refused.map(({ response }) => response.status)).toEqual([429, 429, 429]);
    expect(refused.map(({ response }) => response.headers.get('retry-after'))).toEqual(['5', '5', '5']);
    const comeAgain = (job: string, id: string) =>
      until('the place', async () => {
        const tried = await open(again, job, id);
        return tried.response.status === 200 && tried;
      });
    const first = await comeAgain('one', one);
    const second = await comeAgain('long', long);
    // A stream that is read comes to an orderly end. One that is not is cut after a heartbeat's time, because it would hold its
    // memory for ever. Two heartbeats of a stream that began after that take longer.
    await twoHeartbeats(second);
    await expect(unread?.text()).rejects.toThrow('terminated');
    expect(await reading).toMatch(/^retry: 1000\nid: .+\n\n(?:id: .*\nevent: .*\ndata: .*\n\n|:\n\n)+$/);
    expect((await open(again, 'one')).response.status).toBe(429);
    for (const { cut } of [...held, first, second]) cut();
  });

  it('A26: free their place when their reader leaves before they begin', async () => {
    await begin('hasty', 'one');
    for (let round = 0; round < 5 * LIMIT; round++) {
      const cut = new AbortController();
      const opening = hasty.call(stack.url, '/v1/jobs/one/events', {
        headers: { accept: 'text/event-stream' },
        signal: cut.signal,
      });
      // Before, during and after the call to the bridge.
      setTimeout(() => cut.abort(), round % 10);
      await opening.catch(() => undefined);
    }
    const allOpened = async () => {
      const tried = await Promise.all(Array.from({ length: LIMIT }, () => open(hasty, 'one')));
      if (tried.every(({ response }) => response.status === 200)) return tried;
      for (const { cut } of tried) cut();
      return undefined;
    };
    // A place whose reader left unseen is free after its next sign of life, so this takes several of those.
    const opened = await until('every place to be free', allOpened);
    for (const { cut } of opened) cut();
  });

  it('A26: give the place back to a client whose connection broke where the bridge could not notice', async () => {
    await begin('halfOpen', 'one');
    await begin('halfOpen', 'other');
    const others = await Promise.all(Array.from({ length: LIMIT - 1 }, () => open(halfOpen, 'other')));
    const known: Response[] = [];
    const client = new ThroughlineClient({
      url: stack.url,
      apiKey: halfOpen.key,
      fetch: async (url, init) => {
        if (known.length > 0) {
          const next = await fetch(url, init);
          if (next.status === 200) await begin('halfOpen', 'one', 0, 1, 'succeeded');
          return next;
        }
        // The connection that the bridge knows stays open. The client gets its first event, then an error.
        const response = await fetch(url, { headers: init?.headers ?? {} });
        known.push(response);
        return new Response(brokenAfterAnEvent(response), response);
      },
    });
    const kinds: string[] = [];
    let refusals = 0;
    for await (const { kind } of client.watch('one', { onBusy: () => refusals++ })) kinds.push(kind);
    expect(kinds).toEqual(['progress', 'succeeded']);
    expect(refusals).toBeGreaterThan(0);
    for (const { cut } of others) cut();
  });

  it('A15: of an unknown job take no place', async () => {
    for (let round = 0; round < 2 * LIMIT; round++) {
      const { response } = await open(unheard, `nobody-${round}`);
      expect(response.status).toBe(404);
    }
  });

  it('A26: that are not read cost the bridge no memory: it fetches only what is read', async () => {
    await begin('quiet', 'long', 256 * 1024, 200);
    const before = await sentToBridge();
    const slow = await Promise.all(Array.from({ length: LIMIT }, () => open(quiet, 'long')));
    for (const { response } of slow) expect(response.status).toBe(200);
    // Another one reads all of it in the meantime.
    slow[0]?.cut();
    const reader = await until('a place', async () => {
      const again = await open(quiet, 'long');
      return again.response.status === 200 && again;
    });
    let read = 0;
    for await (const chunk of reader.response.body ?? []) {
      read += chunk.length;
      if (read > 200 * 256 * 1024) break;
    }
    reader.cut();
    for (const { cut } of slow) cut();
    const sent = (await sentToBridge()) - before;
    expect(sent).toBeGreaterThan(50 * MIB);
    // Four streams that are not read: one page each, and what the buffers of their sockets hold.
    expect(sent).toBeLessThan(50 * MIB + 4 * 10 * MIB);
  });
});

/** The bytes of a stream up to its first event, then an error. The stream itself is neither read on nor closed. */
function brokenAfterAnEvent({ body }: Response): ReadableStream<Uint8Array> {
  const reader = body?.getReader();
  let text = '';
  return new ReadableStream({
    async pull(controller) {
      if (text.includes('data:')) return controller.error(new TypeError('terminated'));
      const { value = new Uint8Array() } = (await reader?.read()) ?? {};
      text += new TextDecoder().decode(value);
      controller.enqueue(value);
    },
  });
}

/** Bytes that NATS has sent over WebSockets, which only the bridge has. */
async function sentToBridge(): Promise<number> {
  const response = await fetch(`${monitor}/connz`);
  const { connections } = (await response.json()) as {
    connections: { name?: string; out_bytes: number }[];
  };
  const bridge = connections.find(({ name }) => name?.startsWith('bridge-'));
  return bridge?.out_bytes ?? 0;
}
