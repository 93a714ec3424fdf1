import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { hostEnvironment } from '../../../dev/machine/environment.ts';
import { Job } from '../../../shared/job/job.ts';

const DEV = fileURLToPath(new URL('../../../dev/main.ts', import.meta.url));

/** Runs the local stack as `npm run dev` does, until the test ends. */
export function dev(...args: string[]) {
  return devIn({}, ...args);
}

/** As {@link dev}, with more environment variables than this process has. */
export function devIn(environment: Readonly<Record<string, string>>, ...args: string[]) {
  const env = { ...hostEnvironment(), ...environment };
  const child = spawn(process.execPath, [DEV, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
  // Not 'exit': what it said last may be read later than that.
  const exited = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGINT');
    await exited;
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return { child, exited, said: () => stderr };
}

/** What the stack tells when it is ready. */
export interface Ready {
  readonly url: string;
  readonly apiKey: string;
}

/** Submits a job to the stack. */
export async function submit(
  { url, apiKey }: Ready,
  body: object,
  headers: Record<string, string>,
): Promise<Job> {
  const response = await fetch(`${url}/v1/jobs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return Job.parse(await response.json());
}

/** Runs an operation to its end. @returns the result */
export async function runJob(ready: Ready, operation: string): Promise<unknown> {
  return (await submit(ready, { operation, input: null }, { prefer: 'wait=30' })).result;
}
