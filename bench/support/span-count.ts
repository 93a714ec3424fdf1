import { setTimeout as delay } from 'node:timers/promises';
import type { WorkerFigures } from './measure.ts';
import type { OtlpSink } from './otlp-sink.ts';

const POLL_MS = 100;
/** Longer than any sender here collects spans before it sends them. */
const QUIET_MS = 1_000;

/**
 * Counts the spans that reach a collector while jobs are done. Only this sender sends.
 * @param jobs how many there are, also those that are not measured
 * @param measure does the jobs
 * @param lostOf tells how many spans were lost, when `got` came
 */
export async function countSpans(
  sink: OtlpSink,
  jobs: number,
  measure: () => Promise<WorkerFigures>,
  lostOf: (got: number) => Promise<number>,
): Promise<WorkerFigures> {
  const { spans: before } = await sink.figures();
  const figures = await measure();
  const got = (await spansAtRest(sink)) - before;
  return { ...figures, spans: got / jobs, lost: Math.max(0, await lostOf(got)) / jobs };
}

/** Waits until no more spans come. @returns how many came since the start of the sink */
async function spansAtRest(sink: OtlpSink): Promise<number> {
  let { spans } = await sink.figures();
  for (let quietMs = 0; quietMs < QUIET_MS; quietMs += POLL_MS) {
    await delay(POLL_MS);
    const now = (await sink.figures()).spans;
    if (now !== spans) quietMs = 0;
    spans = now;
  }
  return spans;
}
