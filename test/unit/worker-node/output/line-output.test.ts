import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { scratchFolder } from '../../../support/cleanup.ts';

const LOG = new URL('../../../../worker-node/log.ts', import.meta.url).href;
/** Lines of 600 characters that take more room than a host keeps for a reader that has stopped. */
const FLOOD = 60_000;

/** Runs a program that has a logger. Its last line on stderr is how many lines were lost. */
function start(body: string, stdout: number | 'pipe', before = ''): ChildProcess {
  const program = `
    import { LineOutput } from ${JSON.stringify(new URL('output/line-output.ts', LOG).href)};
    import { createLogger } from ${JSON.stringify(LOG)};
    // As in the command line, writes on a pipe do not wait.
    process.stdout.on('error', () => undefined);
    const output = new LineOutput();
    const log = createLogger('throughline-worker', 'info', { output });
    const line = (n) => log.info({ n }, 'x'.repeat(500));
    const turn = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    ${body}
    await turn(50);
    await output.written();
    process.stderr.write(JSON.stringify(output.warnings));
    process.exit();`;
  const shell = `${before} exec "$0" --input-type=module -e "$1"`;
  const child = spawn('sh', ['-c', shell, process.execPath, program], { stdio: ['ignore', stdout, 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** How many lines there are, and the first that is not whole or not in its place. */
function placesIn(lines: string): { readonly count: number; readonly wrong: string | undefined } {
  const list = lines.trimEnd().split('\n');
  const wrong = list.find(
    (line, n) => !(line.startsWith('{') && line.endsWith('"}') && JSON.parse(line).n === n),
  );
  return { count: list.length, wrong };
}

async function outputOf({ stdout, stderr }: ChildProcess): Promise<object> {
  if (stdout === null || stderr === null) throw new Error('the child has no pipes');
  const [lines, warnings] = await Promise.all([text(stdout), text(stderr)]);
  return { ...placesIn(lines), warnings };
}

it('loses no line of a loop without a pause if stdout takes all of them', async () => {
  const file = path.join(await scratchFolder(), 'log');
  const handle = await open(file, 'w');
  const child = start(`for (let n = 0; n < ${FLOOD}; n++) line(n);`, handle.fd);
  await once(child, 'close');
  await handle.close();
  expect(placesIn(await readFile(file, 'utf8'))).toEqual({ count: FLOOD, wrong: undefined });
});

it('loses no line of a loop with pauses if somebody reads the pipe', async () => {
  const loop = `for (let n = 0; n < ${FLOOD}; n++) { line(n); if (n % 500 === 0) await new Promise(setImmediate); }`;
  expect(await outputOf(start(loop, 'pipe'))).toEqual({ count: FLOOD, wrong: undefined, warnings: '[]' });
});

it('waits at the end for a slow reader', async () => {
  const lines = 5_000;
  const child = start(`for (let n = 0; n < ${lines}; n++) line(n);`, 'pipe');
  const parts: Buffer[] = [];
  for await (const part of child.stdout ?? []) {
    parts.push(part);
    // All of it takes two seconds.
    await delay(40);
  }
  expect(placesIn(Buffer.concat(parts).toString())).toEqual({ count: lines, wrong: undefined });
});

it('counts the lines that are lost, and not the line break that ends a line that was cut off', async () => {
  const file = path.join(await scratchFolder(), 'log');
  const handle = await open(file, 'w');
  // A file may have 4 blocks of 512 bytes: three whole lines, and a part of the fourth.
  const child = start('for (let n = 0; n < 10; n++) { line(n); await turn(20); }', handle.fd, 'ulimit -f 4;');
  const warnings = child.stderr === null ? '' : await text(child.stderr);
  await handle.close();
  expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(4);
  expect(warnings).toBe('["log lines are lost: it may not become larger (ulimit -f); 7 since the start"]');
});

it('writes again when a pipe with a name has another reader', async () => {
  const pipe = path.join(await scratchFolder(), 'pipe');
  expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
  const child = start('for (let n = 0; ; n++) { line(n); await turn(10); }', 'pipe', `exec > '${pipe}';`);
  for (const reader of ['first', 'second']) {
    const head = spawn('head', ['-n', '5', pipe], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void head.kill('SIGKILL'));
    const lines = await text(head.stdout);
    expect({ reader, lines: lines.trimEnd().split('\n').length }).toEqual({ reader, lines: 5 });
    const ended = head.exitCode ?? (await once(head, 'exit'))[0];
    expect(ended).toBe(0);
  }
  expect(child.exitCode).toBeNull();
});
