import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** The middle value; the upper one of two. NaN for an empty list. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/**
 * The value that this share of all values does not exceed.
 * @param above how many values must be larger than that; with fewer, one more of them could change it much
 * @returns NaN if there are too few
 */
export function percentile(values: readonly number[], share: number, above = 0): number {
  const rank = Math.ceil(values.length * share);
  if (values.length - rank < above) return Number.NaN;
  return values.toSorted((a, b) => a - b)[Math.max(0, rank - 1)] ?? Number.NaN;
}

/** The slope of the line that fits these points best, by least squares. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  const above = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return above / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}

/** The process id of the workerd that Miniflare started: it is a child of this process. */
export function workerdPid(): number {
  return workerdPids()[0] ?? Number.NaN;
}

/** The same for each edge that this process has started. */
export function workerdPids(): number[] {
  const out = execFileSync('ps', ['--ppid', String(process.pid), '-o', 'pid=,comm='], { encoding: 'utf8' });
  return Array.from(out.matchAll(/^\s*(\d+) workerd/gm), ([, pid]) => Number(pid));
}

/** The bytes of a MiB. */
export const MIB = 1024 * 1024;

/** The resident memory of a process, in MiB. */
export function residentMib(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

/** Linux counts processor time in ticks of this length, on every architecture that Node supports. */
const TICK_MS = 10;

/** The processor time that a process has used so far, in milliseconds. */
export function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name is in brackets and may contain blanks; after it, utime and stime are the 12th and 13th field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

const NANOS_PER_MS = 1e6;

/**
 * Like {@link processorMs}, to the nanosecond, by the scheduler's own count of each thread. What threads took that have ended
 * is not in it.
 */
export function exactProcessorMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const nanos = threads.map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
  );
  return nanos.reduce((sum, one) => sum + one, 0) / NANOS_PER_MS;
}

/** How many files and sockets a process has open. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** What a worker can do, and what a job takes. */
export interface WorkerFigures {
  readonly perSecond: number;
  /** Microseconds of processor time for one job. */
  readonly workerUs: number;
  readonly serverUs: number;
  /** Spans of a job that reached the collector, and that were lost; absent: it makes none. */
  readonly spans?: number;
  readonly lost?: number;
}

/** Writes a line of right-aligned columns. */
export function printRow(...cells: readonly string[]): void {
  process.stdout.write(`${cells.map((cell) => cell.padStart(9)).join(' ')}\n`);
}
