import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { hostEnvironment } from '../../../dev/machine/environment.ts';
import { cacheSettings } from '../cli/process.ts';

const run = promisify(execFile);

/**
 * Runs a program of test/fixtures/telemetry, and reads what it prints as its last line.
 * @param environment OpenTelemetry's variables, and what else the program reads
 * @param until the program stops when this is true; by default at once
 * @returns the lines before the last one, and the last one
 */
export async function runFixture(
  file: string,
  environment: Readonly<Record<string, string>>,
  until: () => Promise<unknown> = async () => undefined,
): Promise<{ readonly lines: readonly Record<string, unknown>[]; readonly last: unknown }> {
  const running = run(process.execPath, [`test/fixtures/telemetry/${file}`], {
    env: { PATH: hostEnvironment().PATH, ...cacheSettings(), ...environment },
    maxBuffer: 64 * 1024 * 1024,
  });
  try {
    await until();
  } finally {
    running.child.stdin?.end();
  }
  const lines = (await running).stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  return { last: lines.pop(), lines };
}
