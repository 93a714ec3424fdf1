import { expect } from 'vitest';
import type { Cause, CauseCode } from '../../../cli/operate/cause.ts';
import type { Diagnosis } from '../../../cli/operate/diagnosis.ts';
import { submitJob } from '../jobs.ts';
import type { TestStack } from '../stack.ts';
import { run } from './process.ts';

export const OPTIONS = { operationsFolder: 'test/fixtures/operations', tracing: false };

type Called = Pick<TestStack, 'url' | 'apiKey'>;

/** What the doctor says about a job, or about the system, with the NATS settings and without. */
export async function doctor(
  { url, apiKey }: Called,
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<Diagnosis & { readonly code: number | null }> {
  const { code, stdout, stderr } = await run({ url, apiKey }, ['doctor', ...args, '--json'], { environment });
  if (stdout === '') throw new Error(stderr);
  return { code, ...(JSON.parse(stdout) as Diagnosis) };
}

/** Expects the first cause to be this one, with evidence and advice, and the exit code of a fault. @returns the cause */
export function expectFirst({ code, causes }: Diagnosis & { code: number | null }, wanted: CauseCode): Cause {
  expect({ code, codes: causes.map((one) => one.code) }).toEqual({
    code: 1,
    codes: [wanted, ...causes.slice(1).map((one) => one.code)],
  });
  const [cause] = causes;
  if (cause === undefined) throw new Error('there is no cause');
  expect(cause.evidence.length).toBeGreaterThan(0);
  expect(cause.advice).not.toBe('');
  return cause;
}

/** Submits a job. @returns its id */
export async function queued(stack: TestStack, operation = 'echo', input: unknown = 1): Promise<string> {
  return (await submitJob(stack, operation, input)).id;
}
