/**
 * `npm run bench:edge`: what a `POST /v1/jobs` costs in workerd, beside a minimal bridge (`limits/minimal-bridge.ts`), untraced and
 * traced, with 1 and 4 bridges. All variants take turns in one run. wrk sends the load if this machine has it (`WRK` names another
 * place), else a Node process. `--rounds 5 --seconds 3`
 */
import { parseArgs } from 'node:util';
import { besideLimit, measureEdge } from './edge/rounds.ts';
import { median, printRow } from './support/measure.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '2' } },
});
const all = await measureEdge({ rounds: Number(values.rounds), seconds: Number(values.seconds) });
const [limit] = all;
if (limit === undefined) throw new Error('nothing was measured');
printRow('32 at once'.padEnd(18), '/s', 'of limit', 'workerd', 'x limit', 'nats');
for (const figures of all) {
  const { perSecond, workerdUs, serverUs, speed, processor } = besideLimit(figures, limit);
  printRow(
    figures.name.padEnd(18),
    perSecond.toFixed(0),
    `${(median(speed) * 100).toFixed(0)} %`,
    `${workerdUs.toFixed(0)} µs`,
    `${median(processor).toFixed(2)} (${spread(processor)})`,
    `${serverUs.toFixed(0)} µs`,
  );
}

function spread(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`;
}
