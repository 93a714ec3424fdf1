/** Operations of `throughline conformance` that take time, call out, or tell what they know (docs/PROTOCOL.md). */
import { setTimeout as delay } from 'node:timers/promises';
import { defineOperation } from 'throughline/worker';
import * as z from 'zod';

const STEP_MS = 300;

export const sleep = defineOperation({
  name: 'conformance.sleep',
  input: z.object({ ms: z.number() }),
  run: async ({ input, signal }) => {
    await delay(input.ms, undefined, { signal });
    return { slept: input.ms };
  },
});

/** Two jobs of one key at the same time. */
export const limited = defineOperation({
  name: 'conformance.limited',
  input: z.object({ key: z.string(), ms: z.number() }),
  concurrency: { key: '/key', limit: 2 },
  run: async ({ input, signal }) => {
    await delay(input.ms, undefined, { signal });
    return { slept: input.ms };
  },
});

/** Two starts of one key in two seconds. */
export const rated = defineOperation({
  name: 'conformance.rated',
  input: z.object({ key: z.string() }),
  rateLimit: { key: '/key', limit: 2, period: '2s' },
  run: () => ({}),
});

export const progress = defineOperation({
  name: 'conformance.progress',
  input: z.object({ steps: z.int(), everyMs: z.int().default(STEP_MS) }),
  run: async ({ input, progress: report, signal }) => {
    for (let step = 1; step <= input.steps; step++) {
      report({ fraction: step / input.steps, message: `step ${step}` });
      await delay(input.everyMs, undefined, { signal });
    }
    return { steps: input.steps };
  },
});

export const baggage = defineOperation({
  name: 'conformance.baggage',
  input: z.object({ url: z.url() }),
  run: async ({ input, signal }) => {
    const { status } = await fetch(input.url, { signal });
    return { status };
  },
});

export const info = defineOperation({
  name: 'conformance.info',
  input: z.unknown(),
  run: ({ job }) => ({
    jobId: job.id,
    tenant: job.tenant,
    attempt: job.attempt,
    redriveCount: job.redriveCount,
    fence: job.fence,
  }),
});
