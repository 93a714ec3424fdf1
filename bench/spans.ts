/**
 * `node bench/spans.ts [spans]`: the memory of a process in which spans end and are sent to a collector, through the span processor
 * of the edge and through that of the worker, each in a process of its own. Both run in Node here, where the heap after a garbage
 * collection is known. Then the processor of the edge runs in workerd, whose heap an inspector reads. A line for each
 * twentieth of the spans. No heap may grow in the second half. `node bench/spans.ts workerd [spans]` runs the last part alone.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { makeSpans } from './processors/make-spans.ts';
import { PROCESSORS, type ProcessorName } from './processors/span-makers.ts';
import { sendInWorkerd } from './processors/workerd-spans.ts';
import { MIB, printRow, residentMib, slope } from './support/measure.ts';
import { startOtlpSink } from './support/otlp-sink.ts';

const SPANS = 1_000_000;
const STEPS = 20;
const WORKERD = 'workerd';

const [first, endpoint = ''] = process.argv.slice(2);
if (first !== undefined && first in PROCESSORS) await send(first as ProcessorName, endpoint);
else if (first === WORKERD) await inWorkerd(Number(endpoint === '' ? SPANS : endpoint));
else {
  for (const name of Object.keys(PROCESSORS)) await inOwnProcess(name, Number(first ?? SPANS));
  await inWorkerd(Number(first ?? SPANS));
}

/** Runs {@link send} in a process of its own, and checks that the collector got each span once. */
async function inOwnProcess(name: string, spans: number): Promise<void> {
  const sink = await startOtlpSink();
  const child = fork(fileURLToPath(import.meta.url), [name, sink.url, String(spans)], {
    execArgv: ['--expose-gc'],
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  const { requests, bytes, spans: got } = await sink.figures();
  sink.stop();
  process.stdout.write(`${name}: the collector got ${got} spans in ${requests} requests, ${bytes} bytes\n`);
  if (code !== 0 || got !== spans) throw new Error(`${name}: spans are missing, exit code ${code}`);
}

/** Makes the spans in workerd, and checks that the collector got each one once. */
async function inWorkerd(spans: number): Promise<void> {
  const sink = await startOtlpSink();
  const memory = await sendInWorkerd(
    sink.url,
    Array.from({ length: STEPS }, () => spans / STEPS),
  );
  printRow('spans', 'heap MiB', 'resident', WORKERD);
  for (const [step, { heap, resident }] of memory.entries())
    printRow(String((spans / STEPS) * (step + 1)), heap.toFixed(1), resident.toFixed(0));
  const { requests, spans: got } = await sink.figures();
  sink.stop();
  const growth =
    slope(memory.map(({ heap }, step) => [(step + 1) / STEPS, heap] as const).slice(STEPS / 2)) / 2;
  process.stdout.write(`${WORKERD}: the collector got ${got} spans in ${requests} requests\n`);
  process.stdout.write(`${WORKERD}: the heap grew by ${growth.toFixed(2)} MiB in the second half\n`);
  if (got !== spans) throw new Error('spans are missing');
}

/** Makes spans and waits until they are sent. Writes the memory after each part of them. */
async function send(name: ProcessorName, url: string): Promise<void> {
  const spans = Number(process.argv[4] ?? SPANS);
  const processing = await PROCESSORS[name](url);
  const heaps: [number, number][] = [];
  printRow('spans', 'heap MiB', 'resident', 'µs/span', name);
  for (let step = 1; step <= STEPS; step++) {
    const before = process.cpuUsage();
    await makeSpans(processing, spans / STEPS);
    const { user, system } = process.cpuUsage(before);
    globalThis.gc?.();
    const heap = process.memoryUsage().heapUsed / MIB;
    heaps.push([step / STEPS, heap]);
    const perSpan = ((user + system) / (spans / STEPS)).toFixed(1);
    printRow(String((spans / STEPS) * step), heap.toFixed(1), residentMib(process.pid).toFixed(0), perSpan);
  }
  await processing.shutdown();
  // From the middle to the end is half of the x-axis.
  const growth = slope(heaps.slice(STEPS / 2)) / 2;
  process.stdout.write(`${name}: the heap grew by ${growth.toFixed(2)} MiB in the second half\n`);
  process.exit(0);
}
