import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { callHere } from '../../../support/cli/in-process.ts';
import { API_KEY, answer, DONE, nowhere, type Seen, serve, TRACE_ID } from '../../../support/cli/servers.ts';

/** An API that answers every submission with this problem, and a trace store without a trace. */
async function systemThatRefuses(status: number, code: string) {
  const api = await serve(() => answer(status, { code, title: 't', detail: `it says ${code}`, status }));
  const store = await serve(() => answer(404, {}));
  return { api, environment: { THROUGHLINE_API_KEY: API_KEY, THROUGHLINE_TRACES_URL: store.url } };
}

/** The same, but jobs are taken, and fail. The key may not redrive them. */
async function systemThatRedrivesNothing() {
  const { environment } = await systemThatRefuses(403, 'forbidden');
  const failed = { ...DONE, state: 'failed', result: undefined };
  const api = await serve(({ path = '' }) => {
    if (path.endsWith('/redrive')) return answer(403, { code: 'forbidden', title: 't', status: 403 });
    return path.endsWith('/batch')
      ? answer(200, { results: [{ status: 202, job: failed }] })
      : answer(200, failed);
  });
  return { api, environment };
}

const submissions = (seen: readonly Seen[]): unknown[] => seen.map(({ body }) => JSON.parse(body.toString()));

describe('verify', () => {
  it('needs a trace store', async () => {
    const { api } = await systemThatRefuses(404, 'operation-unknown');
    expect(await callHere(api, ['verify'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('THROUGHLINE_TRACES_URL'),
    });
    expect(api.seen).toEqual([]);
  });

  it.each([
    [['--canary', 'nonsense'], 'plain, baggage'],
    [['--service-name', 'cli=x'], 'edge=, bridge= or worker='],
    [['--service-name', 'worker='], 'edge=, bridge= or worker='],
    [['--callback-url', 'ftp://x'], 'http or https URL'],
    [['--callback-port', '70000'], '65535'],
    [['--timeout', 'soon'], 'duration'],
    [['--watch', 'often'], 'duration'],
    [['--traces-url', 'file:///traces/%ZZ'], 'file:///path'],
    [['--traces-url', 'file:///traces/a%2Fb'], 'file:///path'],
    [['--traces-url', 'file:///traces/a%00b'], 'file:///path'],
    [['--traces-url', 'file://host/spans.jsonl'], 'file:///path'],
  ])('refuses %j', async (args, words) => {
    const { api, environment } = await systemThatRefuses(404, 'operation-unknown');
    const { code, stderr } = await callHere(api, ['verify', ...args], { environment });
    expect({ code, hasWords: stderr.includes(words) }).toEqual({ code: 2, hasWords: true });
  });

  it('says that a port for callbacks is taken', async () => {
    const taken = createServer().listen(0);
    const { port } = taken.address() as AddressInfo;
    const { api, environment } = await systemThatRefuses(404, 'operation-unknown');
    const args = ['verify', '--callback-url', `http://127.0.0.1:${port}`];
    const { code, stderr } = await callHere(api, args, { environment });
    taken.close();
    expect({ code, hasHint: stderr.includes('--callback-port') }).toEqual({ code: 2, hasHint: true });
  });

  it('sends only the canaries that are asked for, marked by a tag', async () => {
    const { api, environment } = await systemThatRefuses(404, 'operation-unknown');
    await callHere(api, ['verify', '--canary', 'plain', '--canary', 'delayed'], { environment });
    expect(submissions(api.seen)).toMatchObject([
      { operation: 'throughline.canary', tags: ['throughline-canary'] },
      { operation: 'throughline.canary', tags: ['throughline-canary'], delay: '1s' },
    ]);
  });

  it.each([
    ['operation-unknown', 404, 'WORKER_CANARY'],
    ['operation-unserved', 422, 'WORKER_CANARY'],
    ['forbidden', 403, 'jobs:write'],
    ['quota-exceeded', 429, 'no room for more jobs'],
    ['stream-full', 503, 'throughline doctor'],
  ])('is broken at its job if the API answers %s, and says what to do', async (code, status, words) => {
    const { api, environment } = await systemThatRefuses(status, code);
    const ended = await callHere(api, ['verify', '--canary', 'plain', '--json'], { environment });
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.stdout)).toMatchObject({
      ok: false,
      canaries: [{ canary: 'plain', outcome: 'broken', faults: [{ hop: 'job' }] }],
    });
    expect(ended.stdout).toContain(words);
  });

  it('is broken if the API refuses jobs of the batch: nothing of them can be checked', async () => {
    const problem = {
      type: 'urn:x',
      code: 'operation-unknown',
      title: 't',
      detail: 'it says unknown',
      status: 404,
      traceId: TRACE_ID,
    };
    const results = [
      { status: 202, job: DONE },
      { status: 404, problem },
    ];
    const api = await serve(() => answer(200, { results }));
    const { environment } = await systemThatRefuses(404, 'operation-unknown');
    const ended = await callHere(api, ['verify', '--canary', 'batch', '--json'], { environment });
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.stdout).canaries).toMatchObject([
      {
        canary: 'batch',
        outcome: 'broken',
        faults: [{ hop: 'job', found: expect.stringContaining('unknown') }],
      },
    ]);
  });

  it('is broken if nothing says that an unsampled trace stayed so', async () => {
    const { environment } = await systemThatRefuses(404, 'operation-unknown');
    const api = await serve(() => answer(200, DONE));
    const args = ['verify', '--canary', 'unsampled', '--timeout', '1ms', '--json'];
    const ended = await callHere(api, args, { environment });
    expect(JSON.parse(ended.stdout).canaries).toMatchObject([
      { outcome: 'broken', faults: [{ hop: 'job', found: expect.stringContaining('does not say') }] },
    ]);
  });

  it.each([
    ['a page', () => answer(404, '<html>nginx</html>')],
    [
      'a problem of another API',
      () => answer(404, { code: 'route-unknown' }, { 'content-type': 'application/problem+json' }),
    ],
    ['a path that a server in Go does not have', () => answer(404, '404 page not found\n')],
  ])('ends with 3 if the store is another server, which answers 404 with %s', async (_case, reply) => {
    const { api, environment } = await systemThatRefuses(404, 'operation-unknown');
    const { url } = await serve(reply);
    const store = { THROUGHLINE_TRACES_URL: `${url}/api/v3/traces` };
    const ended = await callHere(api, ['verify'], { environment: { ...environment, ...store } });
    expect(ended).toMatchObject({ code: 3, stderr: expect.stringContaining('THROUGHLINE_TRACES_URL') });
    expect(api.seen).toEqual([]);
  });

  it.each([
    ['delayed', () => systemThatRefuses(501, 'delay-unsupported'), 'no delayed jobs'],
    ['redriven', systemThatRedrivesNothing, 'dead-letters:redrive'],
  ])('skips %s where the system cannot do it, unless it is asked for', async (canary, start, words) => {
    const { api, environment } = await start();
    const all = await callHere(api, ['verify', '--json', '--timeout', '1ms'], { environment });
    const { canaries } = JSON.parse(all.stdout) as { canaries: { canary: string }[] };
    expect(canaries.find((one) => one.canary === canary)).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining(words),
    });
    const asked = await callHere(api, ['verify', '--canary', canary], { environment });
    expect(asked).toMatchObject({ code: 1, stdout: expect.stringContaining(words) });
  });

  it('ends with 5 if the key is not valid, and with 3 if the API is away', async () => {
    const { api, environment } = await systemThatRefuses(401, 'unauthenticated');
    expect(await callHere(api, ['verify'], { environment })).toMatchObject({ code: 5 });
    expect(await callHere({ url: await nowhere() }, ['verify'], { environment })).toMatchObject({ code: 3 });
  });
});
