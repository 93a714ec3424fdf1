import { findFreePort } from '../../../dev/machine/free-port.ts';
import type { StackOptions } from '../../../dev/stack-options.ts';
import { type Api, run } from '../../support/cli/process.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';
import { VerifyReport } from './verify-report.ts';

/** What `throughline verify --json` printed, and how it ended. */
export interface Verified {
  readonly code: number | null;
  readonly report: VerifyReport;
  readonly stderr: string;
}

/** A system whose workers may call one address of this machine, where `verify` receives callbacks. */
export interface VerifyStack extends TestStack {
  readonly callbackUrl: string;
}

/** Starts a whole system that has all that the canaries need but an outbox in use. */
export async function startVerifyStack(options: Partial<StackOptions> = {}): Promise<VerifyStack> {
  const origin = `http://127.0.0.1:${await findFreePort()}`;
  const stack = await startTestStack({ ...options, worker: { CALLBACK_ALLOW: origin, ...options.worker } });
  return Object.assign(stack, { callbackUrl: `${origin}/canary` });
}

/** Runs `throughline verify --json`, as a program of its own, against an API and a trace store. */
export async function verify(
  api: Api,
  tracesUrl: string,
  args: readonly string[] = [],
  environment: Record<string, string> = {},
): Promise<Verified> {
  const { code, stdout, stderr } = await run(api, ['verify', '--json', ...args], {
    environment: { THROUGHLINE_TRACES_URL: tracesUrl, ...environment },
  });
  if (stdout === '') throw new Error(`verify ended with ${code} and printed nothing: ${stderr}`);
  return { code, report: VerifyReport.parse(JSON.parse(stdout)), stderr };
}

/** The outcomes of a report by the names of its canaries. */
export function outcomesOf({ canaries }: VerifyReport): Record<string, string> {
  return Object.fromEntries(canaries.map(({ canary, outcome }) => [canary, outcome]));
}

/** The faults of one canary of a report, each as `hop: what was found; the likely cause`. */
export function faultsOf({ canaries }: VerifyReport, name: string): string[] {
  const faults = canaries.find(({ canary }) => canary === name)?.faults ?? [];
  return faults.map(({ hop, found, cause }) => `${hop}: ${found}; ${cause}`);
}
