import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { EffectEntry } from '../ledger/ledger.ts';
import { runFault, type Scene } from '../support/run-fault.ts';

/** Linux counts processor time in ticks of this length, on every architecture that Node supports. */
const TICK_MS = 10;

const JOBS = 300;
const STORM_MS = 60_000;
const QUARTER_MS = STORM_MS / 4;
/** The part of one core that may be used in the last quarter of the storm. */
const CPU_SHARE = 0.5;

it('W6: retries of many failing jobs become rare by themselves, and every job ends when the cause is gone', async () => {
  const calm = path.join(tmpdir(), `throughline-calm-${process.pid}`);
  onTestFinished(() => rm(calm, { force: true }));
  let began = 0;
  let lastQuarterCpuMs = 0;
  await runFault({
    title: 'W6: every job fails for a minute',
    jobs: JOBS,
    before: 1,
    job: () => ({ operation: 'chaos.storm', input: { calm } }),
    inject: async ({ system, hold }) => {
      await system.fault('storm', 'worker', async () => {
        began = Date.now();
        await hold(STORM_MS - QUARTER_MS);
        const before = await cpuOfWorkers(system);
        await hold(QUARTER_MS);
        lastQuarterCpuMs = (await cpuOfWorkers(system)) - before;
        await writeFile(calm, '');
      });
    },
    afterwards: (_, { record, counts }) => {
      const begins = record.effects.filter(({ phase, at }) => phase === 'begin' && at < began + STORM_MS);
      const pauses = pausesByAttempt(begins);
      // Half of the longest pauses, which double up to 10 s. A redelivery itself takes some time.
      expect(mean(pauses[1])).toBeLessThan(500);
      expect(mean(pauses[8])).toBeGreaterThan(4_000);
      expect(mean(pauses[8])).toBeLessThan(6_500);
      const last = begins.filter(({ at }) => at >= began + STORM_MS - QUARTER_MS);
      expect(last.length).toBeLessThan(JOBS * 4);
      expect(lastQuarterCpuMs).toBeLessThan(QUARTER_MS * CPU_SHARE);
      expect(counts.ends).toEqual({ succeeded: JOBS, failed: 0, cancelled: 0 });
    },
  });
});

/** How long jobs waited after their first attempt, their second, and so on, in milliseconds. */
function pausesByAttempt(begins: readonly EffectEntry[]): Record<number, number[]> {
  const before = new Map<string, EffectEntry>();
  const pauses: Record<number, number[]> = {};
  for (const begin of begins) {
    const previous = before.get(begin.jobId);
    if (previous !== undefined) {
      pauses[previous.attempt] = [...(pauses[previous.attempt] ?? []), begin.at - previous.at];
    }
    before.set(begin.jobId, begin);
  }
  return pauses;
}

function mean(numbers: readonly number[] = []): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

async function cpuOfWorkers({ pool }: Scene['system']): Promise<number> {
  const times = await Promise.all(pool.workers.map(({ pid }) => cpuTimeMs(pid)));
  return times.reduce((sum, time) => sum + time, 0);
}

/** The processor time that a process has used so far, in milliseconds. */
async function cpuTimeMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name is in brackets and may contain blanks; after it, utime and stime are the 12th and 13th field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
