import path from 'node:path';
import { WORKER_CASES } from '../../cli/conformance/cases/all.ts';
import type { WorkerCase } from '../../cli/conformance/cases/case.ts';
import type { CaseReport } from '../../cli/conformance/report.ts';
import { runWorker } from '../../cli/conformance/worker-run.ts';
import { hostEnvironment } from '../../dev/machine/environment.ts';

const REPOSITORY = path.join(import.meta.dirname, '../..');

/** A program of the fixtures, as a command. */
export function fixture(file: string): string[] {
  return [process.execPath, path.join(REPOSITORY, 'test/fixtures', file)];
}

/** The command line's own worker, with the operations of the examples. */
export const OUR_WORKER = [
  process.execPath,
  path.join(REPOSITORY, 'cli/main.ts'),
  'worker',
  path.join(REPOSITORY, 'examples/conformance'),
];

interface CheckOptions {
  readonly natsUrl: string;
  readonly command: readonly string[];
  /** The cases to run; all by default. */
  readonly cases?: readonly string[];
  /** Cases beside those of the harness. */
  readonly more?: readonly WorkerCase[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ackWaitMs?: number;
  readonly patienceMs?: number;
  readonly startTimeoutMs?: number;
}

/** Times that only a machine that stands still would pass, for workers that keep to the protocol. */
export const UNHURRIED = { ackWaitMs: 6_000, patienceMs: 40_000, startTimeoutMs: 120_000 } as const;

/** Runs cases on a worker. */
export async function checkWorker(options: CheckOptions): Promise<CaseReport[]> {
  const {
    natsUrl,
    command,
    cases,
    more = [],
    environment = {},
    ackWaitMs = 3_000,
    patienceMs = 8_000,
    startTimeoutMs = 30_000,
  } = options;
  return await runWorker({
    natsUrl,
    command,
    ackWaitMs,
    patienceMs,
    startTimeoutMs,
    skipped: [],
    environment: { ...hostEnvironment(), ...environment },
    cases: [...more, ...WORKER_CASES.filter(({ name }) => cases === undefined || cases.includes(name))],
    onCase: () => undefined,
    onLine: () => undefined,
    signal: new AbortController().signal,
  });
}

/** The faults of a run, as lines: the case, the sentence, and what was seen. */
export function faultsOf(reports: readonly CaseReport[]): string[] {
  return reports.flatMap((report) =>
    report.faults.map(({ sentence, found }) => `${report.case}: ${sentence}: ${found}`),
  );
}

/** The cases that failed, and the sentences that did not hold in each. */
export function failedIn(reports: readonly CaseReport[]): Record<string, string[]> {
  const failed = reports.filter(({ outcome }) => outcome === 'failed');
  return Object.fromEntries(
    failed.map((report) => [report.case, [...new Set(report.faults.map(({ sentence }) => sentence))]]),
  );
}
