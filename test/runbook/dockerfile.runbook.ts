import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { runCommand } from '../../dev/machine/command.ts';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { findFreePort } from '../../dev/machine/free-port.ts';
import { scratchFolder } from '../support/cleanup.ts';
import { type Built, buildWithoutEngine, readDockerfile } from '../support/deploy/dockerfile.ts';
import { startTestNats } from '../support/nats/nats.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCKERFILE = path.join(ROOT, 'deploy/worker/Dockerfile');
const PATH = [path.dirname(process.execPath), hostEnvironment().PATH].join(path.delimiter);

/** What the build needs of this machine, without what vitest and npm have set for this project. */
function machine(): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...hostEnvironment(), PATH };
  for (const name of ['NODE_ENV', 'NODE_OPTIONS', 'npm_config_local_prefix']) delete environment[name];
  return environment;
}

/** The environment of a container: nothing of this machine but its programs. */
function environmentOf({ environment }: Built, more: Record<string, string>): Record<string, string> {
  return { PATH, ...environment, ...more };
}

it('the steps of the Dockerfile, done in empty folders, make a worker that starts, is healthy, and stops on SIGTERM', async () => {
  const place = { context: ROOT, scratch: await scratchFolder(), environment: machine() };
  const built = await buildWithoutEngine(await readDockerfile(DOCKERFILE), place);
  expect(built.user).toBe('node');
  const nats = await startTestNats();
  onTestFinished(() => nats.stop());
  const environment = environmentOf(built, {
    NATS_URL: nats.url,
    HEALTH_PORT: String(await findFreePort()),
  });
  const [program = '', ...args] = built.command;
  const worker = spawn(program, args, { cwd: built.folder, env: environment });
  onTestFinished(() => void worker.kill('SIGKILL'));
  const exited = once(worker, 'exit');
  const lines: string[] = [];
  const isReady = new Promise<void>((resolve, reject) => {
    for (const stream of [worker.stdout, worker.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line);
        if (line.includes('worker ready')) resolve();
      });
    void exited.then(() => reject(new Error(lines.join('\n'))));
  });
  await isReady;
  expect(lines.find((line) => line.includes('worker ready'))).toContain('text.count');
  const [check = '', ...checkArgs] = built.healthCheck;
  const options = { cwd: built.folder, environment, timeoutMs: 60_000 };
  await runCommand(check, checkArgs, options);
  worker.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
  await expect(runCommand(check, checkArgs, options)).rejects.toThrow();
});
