import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { ended, start } from '../../support/cli/process.ts';
import { type Answer, answer, DONE, JOB, serve } from '../../support/cli/servers.ts';

describe('the process of the command line', () => {
  it('keeps its exit code when nobody reads its output', async () => {
    let reply: (given: Answer) => void = () => undefined;
    const asked = Promise.withResolvers<void>();
    const api = await serve(() => {
      asked.resolve();
      return new Promise<Answer>((resolve) => {
        reply = resolve;
      });
    });
    const child = start(['get', 'job-1'], { THROUGHLINE_URL: api.url });
    const errors = child.stderr === null ? Promise.resolve('') : text(child.stderr);
    await asked.promise;
    child.stdout?.destroy();
    reply(answer(200, DONE));
    const [code] = await once(child, 'close');
    expect({ code, stderr: await errors }).toEqual({ code: 0, stderr: '' });
  });

  it.each([
    ['list --all', ['list', '--all', '--json']],
    ['list --watch', ['list', '--watch', '1ms', '--json']],
  ])('ends %s, which would go on and on, when nobody reads its output any more', async (_, args) => {
    let asked = 0;
    const api = await serve(() => {
      const job = { ...JOB, id: `job-${++asked}` };
      return answer(200, { jobs: [job], complete: true, cursor: String(asked) });
    });
    const child = start(args, { THROUGHLINE_URL: api.url });
    const end = once(child, 'close');
    await once(child.stdout ?? child, 'data');
    child.stdout?.destroy();
    expect((await end)[0]).toBe(0);
  });

  it('says that its output cannot be written', async () => {
    const full = await open('/dev/full', 'w');
    const child = spawn(process.execPath, ['cli/main.ts', 'man'], { stdio: ['ignore', full.fd, 'pipe'] });
    const [errors, [code]] = await Promise.all([
      text(child.stderr ?? Readable.from([])),
      once(child, 'close'),
    ]);
    await full.close();
    expect({ code, errors }).toEqual({
      code: 74,
      errors: 'error: the output cannot be written: no space left on device\n',
    });
  });

  it('ends with 74 if its errors cannot be written', async () => {
    const full = await open('/dev/full', 'w');
    const child = spawn(process.execPath, ['cli/main.ts', 'nope'], { stdio: ['ignore', 'ignore', full.fd] });
    const [code] = await once(child, 'close');
    await full.close();
    expect(code).toBe(74);
  });

  it.each([
    ['a submission', ['submit', 'echo', '--wait', '--json']],
    ['a watch', ['watch', 'job-1', '--json']],
  ])('ends %s with 130 soon after Ctrl-C, even if collector and API do not answer', async (_, args) => {
    const asked = Promise.withResolvers<number>();
    const api = await serve(() => void asked.resolve(0));
    const collector = await serve(() => undefined);
    const child = start(args, { THROUGHLINE_URL: api.url, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    const end = ended(child);
    await asked.promise;
    const before = performance.now();
    child.kill('SIGINT');
    const { code, stdout, stderr } = await end;
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(JSON.parse(stderr).code).toBe('interrupted');
    expect(performance.now() - before).toBeLessThan(9_000);
  });

  it('passes everything after `dev` to dev, also --help', async () => {
    const { code, stdout } = await ended(start(['dev', '--help']));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Usage: throughline dev \[options\]\n/);
    expect((await ended(start(['dev', '--no-such-option']))).code).toBe(2);
  });

  it('prints its version', async () => {
    expect(await ended(start(['--version']))).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+/),
    });
  });

  it('takes the options of every command before and after its name, and the nearer one wins', async () => {
    const first = await serve(() => answer(200, DONE));
    const second = await serve(() => answer(200, DONE));
    await ended(start(['--url', first.url, '--json', 'get', 'job-1']));
    expect(first.seen).toHaveLength(1);
    const { stdout } = await ended(
      start(['--json', '--url', first.url, 'get', 'job-1', '--url', second.url]),
    );
    expect([first.seen.length, second.seen.length]).toEqual([1, 1]);
    expect(JSON.parse(stdout)).toEqual(DONE);
  });

  it.each([
    ['NATS_URL', 'nonsense'],
    ['NATS_CREDS_FILE', '/nowhere'],
    ['WORKER_OPERATIONS', '**'],
    ['CALLBACK_ALLOW', 'nonsense'],
    ['TARGET_ADDRESSES_ALLOW', 'nonsense'],
  ])(
    'ends with 78 when %s of a worker is wrong, so that systemd does not start it again',
    async (name, value) => {
      // No NATS answers there: a worker that asks it first ends with another code.
      const environment = { NATS_URL: 'nats://127.0.0.1:9', HEALTH_PORT: '0', [name]: value };
      const { code, stderr } = await ended(start(['worker', '--json'], environment));
      expect(code).toBe(78);
      expect(JSON.parse(stderr).detail).toContain(`${name}: `);
    },
  );
});
