import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NoAnswerError, ThroughlineClient } from '../../../client/index.ts';
import { DONE, JOB } from '../../support/cli/servers.ts';

const ID = JOB.id;
const started = {
  id: '7',
  kind: 'started',
  jobId: ID,
  operation: 'echo',
  attempt: 1,
  maxAttempts: 3,
  released: 0,
  acceptedAt: JOB.acceptedAt,
  at: JOB.acceptedAt,
  worker: 'w',
  traceId: '',
  spanId: '',
};
const succeeded = { ...started, id: '9', kind: 'succeeded' };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function stream(...parts: string[]): Response {
  return new Response(parts.join(''), { headers: { 'content-type': 'text/event-stream' } });
}
const message = (event: { id: string }): string => `id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`;

function busy(status: number, seconds: string): Response {
  return new Response('{}', { status, headers: { 'retry-after': seconds } });
}

/** A client whose API gives these answers in turn, and what it was asked. */
function clientOf(...answers: readonly (Response | Error | (() => Response))[]) {
  const asked: { path: string; lastEventId: string | undefined; atMs: number }[] = [];
  const startedAt = Date.now();
  const fetch = async (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const answer = answers[asked.length];
    const headers = new Headers(init?.headers);
    const lastEventId = headers.get('last-event-id') ?? undefined;
    asked.push({ path: new URL(String(url)).pathname, lastEventId, atMs: Date.now() - startedAt });
    if (answer === undefined) throw new Error('no more answers');
    if (answer instanceof Error) throw answer;
    return typeof answer === 'function' ? answer() : answer;
  };
  return { client: new ThroughlineClient({ url: 'http://api.test', fetch }), asked };
}

async function kindsOf(client: ThroughlineClient, onBusy?: () => void): Promise<string[]> {
  const watching = (async () => {
    const kinds: string[] = [];
    for await (const { kind } of client.watch(ID, { onBusy })) kinds.push(kind);
    return kinds;
  })();
  watching.catch(() => undefined);
  await vi.runAllTimersAsync();
  return await watching;
}

describe('watching a job', () => {
  it.each([429, 503])('goes on after a cut and %i, when the API says so', async (status) => {
    const onBusy = vi.fn();
    const { client, asked } = clientOf(
      stream(message(started)),
      ...Array.from({ length: 10 }, () => busy(status, '5')),
      stream(message(succeeded)),
    );
    expect(await kindsOf(client, onBusy)).toEqual(['started', 'succeeded']);
    expect(onBusy).toHaveBeenCalledTimes(10);
    const pauses = asked.slice(2).map(({ atMs }, index) => atMs - (asked[index + 1]?.atMs ?? 0));
    expect(pauses).toEqual(Array(10).fill(5_000));
    expect(asked.slice(1).map(({ lastEventId }) => lastEventId)).toEqual(Array(11).fill('7'));
  });

  it.each([
    [404, '404 page not found'],
    [404, '{"code":"route-unknown"}'],
    [200, '<html>'],
  ])('goes on after a cut and a %i of a proxy, since there was a stream before: %s', async (status, body) => {
    const away = () => new Response(body, { status });
    const { client } = clientOf(stream(message(started)), away, away, stream(message(succeeded)));
    expect(await kindsOf(client)).toEqual(['started', 'succeeded']);
    const none = clientOf(away).client;
    await expect(kindsOf(none)).rejects.toMatchObject({ code: 'no-stream' });
    const gone = clientOf(stream(message(started)), ...Array.from({ length: 6 }, () => away)).client;
    await expect(kindsOf(gone)).rejects.toMatchObject({ code: 'answer-invalid' });
  });

  it('waits for its first connection too', async () => {
    const { client } = clientOf(busy(429, '1'), stream(message(started), message(succeeded)));
    expect(await kindsOf(client)).toEqual(['started', 'succeeded']);
  });

  it('tells the API that it comes again, also before the first event', async () => {
    const { client, asked } = clientOf(stream('retry: 1000\nid: 0\n\n'), stream(message(succeeded)));
    expect(await kindsOf(client)).toEqual(['succeeded']);
    expect(asked.map(({ lastEventId }) => lastEventId)).toEqual([undefined, '0']);
  });

  it('ends with an error when a message does not end, and does not keep it', async () => {
    let sent = 0;
    let cancelled = 0;
    const endless = () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            sent += 64 * 1024;
            controller.enqueue(new TextEncoder().encode(`data: ${'x'.repeat(64 * 1024)}\n`));
          },
          cancel: () => void cancelled++,
        }),
        { headers: { 'content-type': 'text/event-stream' } },
      );
    const { client } = clientOf(...Array<() => Response>(6).fill(endless));
    const failure = await kindsOf(client).catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(NoAnswerError);
    expect(failure).toMatchObject({ code: 'answer-invalid' });
    expect(cancelled).toBe(6);
    expect(sent).toBeLessThan(6 * 5 * 1024 * 1024);
  });

  it('survives more cuts than failures in a row, if each connection worked for a while', async () => {
    const cut = () =>
      new Response(
        new ReadableStream({
          async start(controller) {
            await new Promise((resolve) => setTimeout(resolve, 30_000));
            controller.error(new TypeError('cut'));
          },
        }),
        { headers: { 'content-type': 'text/event-stream' } },
      );
    const { client, asked } = clientOf(...Array<() => Response>(20).fill(cut), stream(message(succeeded)));
    expect(await kindsOf(client)).toEqual(['succeeded']);
    expect(asked).toHaveLength(21);
  });
});

describe('waiting for a job', () => {
  it('outlasts an API that is busy or away between its events and its end', async () => {
    const { client } = clientOf(
      busy(503, '2'),
      Response.json(JOB),
      stream(message(succeeded)),
      busy(429, '4'),
      new TypeError('fetch failed'),
      Response.json(DONE),
    );
    const waited = client.wait(ID);
    await vi.runAllTimersAsync();
    expect((await waited).state).toBe('succeeded');
  });
});

it('an answer that does not end is an error, and is not kept', async () => {
  const fetch = async (): Promise<Response> =>
    new Response(
      new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1024 * 1024)) }),
    );
  const client = new ThroughlineClient({ url: 'http://api.test', fetch });
  await expect(client.get(ID)).rejects.toMatchObject({ code: 'answer-invalid' });
});

it.each([
  ['does not answer', () => new Promise<never>(() => undefined)],
  [
    'answers late and with an error',
    async () => {
      await new Promise((resolve) => setTimeout(resolve, 30_000));
      return new Response('', { status: 504 });
    },
  ],
])('a watch ends when an API %s, however long each of its failures takes', async (_what, answer) => {
  let asked = 0;
  const fetch = (_url: unknown, { signal }: RequestInit = {}): Promise<Response> => {
    if (++asked > 6) throw new Error('asked too often');
    const aborted = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason));
    });
    return Promise.race([answer(), aborted]);
  };
  const client = new ThroughlineClient({ url: 'http://api.test', fetch });
  await expect(kindsOf(client)).rejects.not.toThrow('asked too often');
  expect(asked).toBe(6);
});
