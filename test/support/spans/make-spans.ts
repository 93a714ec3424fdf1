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

/** Makes spans in a process of its own, with the worker's tracing. @param environment OpenTelemetry's variables */
export async function makeSpans(
  environment: Readonly<Record<string, string>>,
  spans = 1,
): Promise<MadeSpans> {
  const { stdout } = await run(process.execPath, ['test/fixtures/telemetry/make-spans.ts'], {
    env: { PATH: process.env.PATH, SPANS: String(spans), ...environment },
  });
  return JSON.parse(stdout) as MadeSpans;
}
