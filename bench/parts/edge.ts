import { measureEdge } from '../edge/rounds.ts';
import type { Part, PartOptions } from '../suite/part.ts';
import type { Row } from '../suite/table.ts';

const SECONDS = 2;
const QUICK_SECONDS = 0.2;
/** V8 still compiles code again after the first 20,000 requests. */
const WARM_UPS = 6;

/** What a submit costs in workerd, beside the least that the design allows. */
export const edge: Part = {
  name: 'edge',
  what: 'POST /v1/jobs, 32 at once, beside a minimal bridge',
  run: async ({ quick, rounds, wanted, report }: PartOptions) => {
    if (!wanted('edge-32')) return;
    const seconds = quick ? QUICK_SECONDS : SECONDS;
    const all = await measureEdge({ rounds, seconds, warmUps: quick ? 0 : WARM_UPS });
    await report({
      ...{ name: 'edge-32', title: 'POST /v1/jobs, 32 at once' },
      columns: [
        { name: 'requests', unit: '/s' },
        { name: 'workerd', unit: 'µs of CPU a request' },
        { name: 'nats-server', unit: 'µs of CPU a request' },
      ],
      rows: all.map(
        ({ name, isLimit, perSecond, workerdUs, serverUs }): Row => ({
          ...{ name, kind: isLimit ? 'limit' : 'ours' },
          rounds: perSecond.map((requests, round) => ({
            requests,
            workerd: workerdUs[round] ?? Number.NaN,
            'nats-server': serverUs[round] ?? Number.NaN,
          })),
        }),
      ),
      notes: ['The sender of the requests shares the machine with workerd and nats-server.'],
    });
  },
};
