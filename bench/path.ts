/**
 * `node bench/path.ts`: requests per second, with and without tracing. Each round measures every variant once, so that
 * a slow moment of the machine affects all of them. The medians of the rounds are compared. The collector of the local stack reads
 * each span in this process, so tracing seems to cost more than it does: `bench/tracing.ts` says what it costs.
 */
import type { Stack } from '../dev/stack.ts';
import { median } from './support/measure.ts';
import { startQuietStack } from './support/stack.ts';

const ROUNDS = 5;
const REQUESTS = 600;
const PARALLEL = 16;

const worker = { WORKER_CONCURRENCY: '64' };
const traced = await startQuietStack({ worker });
const untraced = await startQuietStack({ worker, tracing: false });

const variants: Record<string, () => Promise<number>> = {
  'healthz (empty route), traced': () => rate(traced, '/healthz', undefined),
  'healthz (empty route), untraced': () => rate(untraced, '/healthz', undefined),
  'POST /v1/jobs, traced': () => rate(traced, '/v1/jobs', {}),
  'POST /v1/jobs, untraced': () => rate(untraced, '/v1/jobs', {}),
  'POST /v1/jobs with wait, traced': () => rate(traced, '/v1/jobs', { prefer: 'wait=30' }),
  'POST /v1/jobs with wait, untraced': () => rate(untraced, '/v1/jobs', { prefer: 'wait=30' }),
};
const results = new Map(Object.keys(variants).map((name) => [name, [] as number[]]));
try {
  for (const run of Object.values(variants)) await run();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(variants)) results.get(name)?.push(await run());
  }
} finally {
  await Promise.all([traced.stop(), untraced.stop()]);
}
for (const [name, rates] of results)
  process.stdout.write(`${median(rates).toFixed(0).padStart(7)} /s  ${name}\n`);
printRatio('tracing, POST /v1/jobs', 'POST /v1/jobs, traced', 'POST /v1/jobs, untraced');
printRatio('tracing, with wait', 'POST /v1/jobs with wait, traced', 'POST /v1/jobs with wait, untraced');

function printRatio(what: string, name: string, reference: string): void {
  const [value, base] = [median(results.get(name) ?? []), median(results.get(reference) ?? [])];
  process.stdout.write(`${((value / base) * 100).toFixed(0).padStart(6)} %   ${what}\n`);
}

/** Requests per second, with a fixed number under way. Without `jobHeaders` it sends GET, else it submits jobs. */
async function rate(
  stack: Stack,
  path: string,
  jobHeaders: Record<string, string> | undefined,
): Promise<number> {
  const init = jobHeaders === undefined ? {} : submission(stack, jobHeaders);
  let left = REQUESTS;
  const send = async (): Promise<void> => {
    while (left-- > 0) {
      const response = await fetch(`${stack.url}${path}`, init);
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`${response.status}`);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: PARALLEL }, send));
  return REQUESTS / ((performance.now() - start) / 1000);
}

function submission({ apiKey }: Stack, headers: Record<string, string>): RequestInit {
  return {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', ...headers },
    body: '{"operation":"echo","input":{"hello":"world"}}',
  };
}
