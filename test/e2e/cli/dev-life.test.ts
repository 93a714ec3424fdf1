import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { scratchFolder } from '../../support/cleanup.ts';
import { dev, type Ready, runJob, submit } from '../../support/cli/dev-process.ts';
import { until } from '../../support/poll.ts';

const execute = promisify(execFile);
const WORKER = new URL('../../../worker-node/index.ts', import.meta.url);

it.each(['nats-server', 'worker'])(
  'Ctrl-C while it starts stops it without a failure: after %s',
  async (part) => {
    const { child, exited, said } = dev('--port', '0');
    await until(part, () => said().includes(part));
    child.kill('SIGINT');
    expect(await exited).toEqual([0, null]);
    expect(said()).not.toMatch(/^dev: /m);
  },
);

it('leaves nothing running when it is killed', async () => {
  const { child, exited } = dev('--port', '0', '--json');
  const [line] = await once(createInterface(child.stdout), 'line');
  const { url, natsUrl, tracesUrl } = JSON.parse(line);
  child.kill('SIGKILL');
  await exited;
  for (const address of [url, natsUrl, tracesUrl])
    await until(`the end of ${address}`, async () => !(await isOpen(new URL(address))));
});

it('leaves nothing running when a part does not start, and tells the end of those parts only whose start it told', async () => {
  const folder = await scratchFolder();
  await writeFile(path.join(folder, 'broken.mjs'), '}');
  const { exited, said } = dev('--port', '0', '--operations', folder);
  const [code] = await exited;
  expect(code).toBe(1);
  expect(said()).toMatch(/^nats-server \S+ at /m);
  expect(said().match(/^(?:stopped|removed|released) .*/gm)).toEqual(['stopped nats-server']);
});

it('a changed operation runs without a restart; one that does not load leaves the old one in place', async () => {
  const folder = await scratchFolder();
  const file = path.join(folder, 'version.mjs');
  const write = (body: string) => writeFile(file, operation('test.version', body));
  await write("return 'one'");
  const { child, said } = dev('--port', '0', '--json', '--operations', folder);
  const [line] = await once(createInterface(child.stdout), 'line');
  const ready = JSON.parse(line);
  const run = () => runJob(ready, 'test.version');
  expect(await run()).toBe('one');
  await write("return 'two'");
  await until('the new worker', () => said().includes('operations loaded again: worker '));
  expect(await until('the new result', async () => (await run()) === 'two')).toBe(true);
  await write('}');
  await until('the refusal', () => said().includes('the changed operations do not start, so worker '));
  expect(await run()).toBe('two');
});

it('saves that put a new file in the place of the old one are seen again and again, as are a new file and one that goes; the end names the worker that runs', async () => {
  const folder = await scratchFolder();
  /** As `sed -i` and most editors save. */
  const save = async (file: string, text: string) => {
    await writeFile(path.join(folder, '.next'), text);
    await rename(path.join(folder, '.next'), path.join(folder, file));
  };
  const saveVersion = (version: string) =>
    save('version.mjs', operation('test.version', `return '${version}'`));
  await saveVersion('first');
  const { child, exited, said } = dev('--port', '0', '--json', '--operations', folder);
  const [line] = await once(createInterface(child.stdout), 'line');
  const ready = JSON.parse(line);
  for (const version of ['second', 'third', 'fourth']) {
    await saveVersion(version);
    await until(version, async () => (await runJob(ready, 'test.version')) === version);
  }
  await save('more.mjs', operation('test.more', "return 'more'"));
  await until('the new file', async () => (await runJob(ready, 'test.more')) === 'more');
  const before = takeovers(said()).length;
  await rm(path.join(folder, 'version.mjs'));
  await until('the end of the file', () => takeovers(said()).length > before);
  const pairs = takeovers(said());
  for (const { old } of pairs) await until(`the end of ${old}`, () => !isRunning(Number(old)));
  child.kill('SIGINT');
  await exited;
  expect(said().match(/(?<=^stopped worker )\d+/gm)).toEqual([pairs.at(-1)?.next]);
});

it('an operation that ends its worker ends nothing else, and runs when it is mended', async () => {
  const folder = await scratchFolder();
  const write = (body: string) => writeFile(path.join(folder, 'stray.mjs'), operation('test.stray', body));
  await write("Promise.reject(new Error('forgotten'));");
  const { child, said } = dev('--port', '0', '--json', '--operations', folder);
  const [line] = await once(createInterface(child.stdout), 'line');
  const ready = JSON.parse(line);
  await runJob(ready, 'test.stray');
  await until('the end of the worker', () =>
    said().includes('ended (exit code 1), and jobs wait until a file changes'),
  );
  await write('}');
  await until('the refusal', () => said().includes('do not start, so jobs wait until a file changes'));
  await write("return 'mended'");
  await until('the new worker', () => said().includes('operations loaded again: worker '));
  expect(await until('the result', async () => (await runJob(ready, 'test.stray')) === 'mended')).toBe(true);
});

it('ends with 1 when nats-server ends, and shows what nats-server said last', async () => {
  const { child, exited, said } = dev('--port', '0', '--json');
  await once(createInterface(child.stdout), 'line');
  const { stdout } = await execute('pgrep', ['-x', '-P', String(child.pid), 'nats-server']);
  process.kill(Number(stdout), 'SIGTERM');
  expect((await exited)[0]).toBe(1);
  expect(said()).not.toContain('stopped nats-server');
  expect(said()).toMatch(/^dev: nats-server ended \(.+\)\. The end of its log:\n(.+\n)*.*Server Exiting/m);
});

it('--persist keeps jobs and the key for the next start', async () => {
  const folder = path.join(await scratchFolder(), 'kept');
  const start = async () => {
    const started = dev('--port', '0', '--json', '--persist', folder);
    const [line] = await once(createInterface(started.child.stdout), 'line');
    return { ...started, ready: JSON.parse(line) as Ready };
  };
  const first = await start();
  const job = await submit(first.ready, { operation: 'echo', input: 'kept' }, { prefer: 'wait=30' });
  first.child.kill('SIGINT');
  expect(await first.exited).toEqual([0, null]);
  const { ready } = await start();
  expect(ready.apiKey).toBe(first.ready.apiKey);
  const authorization = `Bearer ${ready.apiKey}`;
  const answer = await fetch(`${ready.url}/v1/jobs/${job.id}`, { headers: { authorization } });
  expect(await answer.json()).toMatchObject({ state: 'succeeded', result: 'kept' });
});

it('a folder of --persist belongs to one stack at a time', async () => {
  const folder = path.join(await scratchFolder(), 'kept');
  const start = () => dev('--port', '0', '--json', '--persist', folder);
  const first = start();
  await once(createInterface(first.child.stdout), 'line');
  const second = start();
  expect((await second.exited)[0]).toBe(1);
  expect(second.said()).toContain(
    `dev: ${folder} is in use by another stack; stop that one, or name another folder`,
  );
  first.child.kill('SIGINT');
  await first.exited;
  const [line] = await once(createInterface(start().child.stdout), 'line');
  expect(JSON.parse(line)).toHaveProperty('url');
});

/** The workers that took over from others, in order. */
function takeovers(said: string) {
  const lines = said.matchAll(/operations loaded again: worker (\d+) takes over from (\d+)/g);
  return [...lines].map(([, next, old]) => ({ next, old }));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The text of a file with an operation. */
function operation(name: string, body: string): string {
  return `import { defineOperation } from '${WORKER}';
    const input = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
    export default defineOperation({ name: '${name}', input, run: () => { ${body} } });`;
}

async function isOpen({ hostname, port }: URL): Promise<boolean> {
  const socket = connect(Number(port), hostname);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
