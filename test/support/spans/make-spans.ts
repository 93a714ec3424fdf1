import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What became of the spans that a process made. */
export interface MadeSpans {
  readonly counts: Readonly<Record<string, number>>;
  /** What was said about spans that were lost. */
  readonly said: readonly (Readonly<Record<string, number>> & { readonly cause: string })[];
  readonly warnings: readonly string[];
  readonly on: boolean;
}

/**
 * Makes spans in a process of its own, with the worker's tracing.
 * @param environment OpenTelemetry's variables
 * @param until the process stops when this is true; by default at once
 */
export async function makeSpans(
  environment: Readonly<Record<string, string>>,
  spans = 1,
  until: () => Promise<unknown> = async () => undefined,
): Promise<MadeSpans> {
  const running = run(process.execPath, ['test/fixtures/telemetry/make-spans.ts'], {
    env: { PATH: process.env.PATH, SPANS: String(spans), ...environment },
  });
  try {
    await until();
  } finally {
    running.child.stdin?.end();
  }
  return JSON.parse((await running).stdout) as MadeSpans;
}
