/**
 * `node bench/path.ts`: what the path costs, as ratios from one run. Each round measures every variant once, so that
 * a slow moment of the machine hits all of them; the medians of the rounds are compared.
 */
import { type Stack, startStack } from '../dev/stack.ts';

const ROUNDS = 5;
const REQUESTS = 600;
const PARALLEL = 16;

const quiet = { onLog: () => undefined, onStep: () => undefined };
const ports = { http: 0, nats: 0, natsWebSocket: 0, otlp: 0 };
const traced = await startStack({ ...quiet, ports, worker: { WORKER_CONCURRENCY: '64' } });
const untraced = await startStack({ ...quiet, ports, tracing: false, worker: { WORKER_CONCURRENCY: '64' } });

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
ratio('tracing, POST /v1/jobs', 'POST /v1/jobs, traced', 'POST /v1/jobs, untraced');
ratio('tracing, with wait', 'POST /v1/jobs with wait, traced', 'POST /v1/jobs with wait, untraced');

function ratio(what: string, name: string, reference: string): void {
  const [value, base] = [median(results.get(name) ?? []), median(results.get(reference) ?? [])];
  process.stdout.write(`${((value / base) * 100).toFixed(0).padStart(6)} %   ${what}\n`);
}

/** Requests per second with a fixed number under way. */
async function rate(
  stack: Stack,
  path: string,
  headers: Record<string, string> | undefined,
): Promise<number> {
  const init =
    headers === undefined
      ? {}
      : {
          method: 'POST',
          headers: {
            authorization: `Bearer ${stack.apiKey}`,
            'content-type': 'application/json',
            ...headers,
          },
          body: '{"operation":"echo","input":{"hello":"world"}}',
        };
  let left = REQUESTS;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      while (left-- > 0) {
        const response = await fetch(`${stack.url}${path}`, init);
        await response.arrayBuffer();
        if (!response.ok) throw new Error(`${response.status}`);
      }
    }),
  );
  return REQUESTS / ((performance.now() - start) / 1000);
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
