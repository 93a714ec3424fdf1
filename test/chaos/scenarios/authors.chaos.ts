import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { EXIT } from '../../../cli/exit-code.ts';
import { startWorkerProcess, type WorkerProcess } from '../../../dev/worker/start.ts';
import { parseJson } from '../../../shared/text/json/parse-json.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { runLocal } from '../../support/cli/process.ts';
import { connectTo, jobEnded, readJob } from '../../support/jobs.ts';
import { until } from '../../support/poll.ts';
import { type TestStack, withTestStack } from '../../support/stack.ts';
import { SUITE } from '../../support/suite-settings.ts';
import { mistakenJob, submit, submitSteadily, tallyEvents } from '../support/authors-load.ts';
import { chaosSeed, Dice } from '../support/dice.ts';

const { AUTHORS_MS, AUTHORS_PER_SECOND } = SUITE;
/** What every host starts with. The result of a job must fit into 64 KiB here. */
const STACK = { operationsFolder: 'test/chaos/authors', natsConfig: 'max_payload: 65536', tracing: false };
const MAIN_HOST = { WORKER_OPERATIONS: 'test.>', WORKER_CONCURRENCY: '20' };
const DRAIN_MS = 180_000;
/** The machine may be busy. */
const PATIENCE_MS = 60_000;
/** Between two hosts that stop, or do not start. */
const PAUSE_MS = 3_000;

const seed = chaosSeed();
process.stdout.write(
  `mistakes of authors: CHAOS_SEED=${seed}, ${AUTHORS_PER_SECOND} a second for ${AUTHORS_MS / 1_000} s\n`,
);

it(
  'W16: a host runs on, and each job has one end within its attempts, whatever mistakes authors make',
  async () => {
    const dice = new Dice(seed);
    const log = new LineCounter();
    const stack = await withTestStack({
      ...STACK,
      onLog: (line) => log.take(line),
      worker: MAIN_HOST,
    });
    let hasEnded = false;
    void stack.worker.exited.then(() => {
      hasEnded = true;
    });
    const tallies = await tallyEvents(await connectTo(stack));
    const crashes = new CrashingHost(stack, dice, log);
    const [jobs] = await Promise.all([
      submitSteadily(stack, { ms: AUTHORS_MS, perSecond: AUTHORS_PER_SECOND }, () => mistakenJob(dice)),
      crashes.run(AUTHORS_MS),
      lackingHosts(stack, AUTHORS_MS),
      refusedFiles(AUTHORS_MS),
    ]);
    await until('every job to end', () => jobs.every(({ id }) => (tallies.get(id)?.ends ?? 0) > 0), DRAIN_MS);
    expect(hasEnded).toBe(false);
    const wrong = jobs.flatMap(({ id, maxAttempts }) => {
      const { starts = 0, ends = 0, leaks = 0 } = tallies.get(id) ?? {};
      return ends === 1 && starts <= maxAttempts && leaks === 0
        ? []
        : [{ id, maxAttempts, starts, ends, leaks }];
    });
    expect(wrong).toEqual([]);
    for (const line of ['job not settled; it will be delivered again', 'event not stored'])
      expect([line, log.of(line)]).toEqual([line, 0]);
    process.stdout.write(`${jobs.length} jobs ended; ${crashes.stops} hosts stopped gracefully\n`);
  },
  AUTHORS_MS + 5 * 60_000,
);

/** Counts log lines by their messages. An hour of lines would not fit into memory. */
class LineCounter {
  readonly #counts = new Map<unknown, number>();

  take(line: string): void {
    const { msg } = (parseJson(line) ?? {}) as { readonly msg?: unknown };
    this.#counts.set(msg, this.of(msg) + 1);
  }

  of(message: unknown): number {
    return this.#counts.get(message) ?? 0;
  }
}

/** A second host, whose jobs leave errors behind. It stops each time, and another one takes its place. */
class CrashingHost {
  readonly #stack: TestStack;
  readonly #dice: Dice;
  readonly #log: LineCounter;
  stops = 0;

  constructor(stack: TestStack, dice: Dice, log: LineCounter) {
    this.#stack = stack;
    this.#dice = dice;
    this.#log = log;
  }

  async run(ms: number): Promise<void> {
    const end = performance.now() + ms;
    const settings = { WORKER_GROUP: 'crashing', WORKER_OPERATIONS: 'crash.>' };
    for (; performance.now() < end; await delay(PAUSE_MS))
      await this.#stopOne(await this.#stack.addWorker(settings));
  }

  /** One burst of errors is one stop, and the job beside it keeps its attempt. */
  async #stopOne(worker: WorkerProcess): Promise<void> {
    const beside = await this.#submit({ ms: this.#dice.between(300, 1_500) });
    const hasBegun = async () => (await readJob(this.#stack, beside)).state !== 'queued';
    await until('the job beside to run', hasBegun, PATIENCE_MS);
    const culprit = await this.#submit({ ms: this.#dice.between(0, 50), errors: this.#dice.between(1, 6) });
    expect(await worker.exited).toBe(1);
    for (const id of [beside, culprit])
      expect(await jobEnded(this.#stack, id)).toMatchObject({ state: 'succeeded', attempt: 1 });
    this.stops++;
    await until('its last line', () => this.#log.of('worker stopped') === this.stops);
  }

  async #submit(input: object): Promise<string> {
    return (await submit(this.#stack, { operation: 'crash.author', input })).id;
  }
}

/** Hosts of the same group that have none of the operations, one after the other, as in a rolling deploy. */
async function lackingHosts(stack: TestStack, ms: number): Promise<void> {
  const end = performance.now() + ms;
  for (; performance.now() < end; await delay(5 * PAUSE_MS)) {
    const environment = { NATS_URL: stack.nats.url, HEALTH_PORT: '0', ...MAIN_HOST };
    const host = await startWorkerProcess({ environment, onLog: () => undefined });
    try {
      await delay(PAUSE_MS);
    } finally {
      await host.stop();
    }
    expect(await host.exited).toBe(0);
  }
}

const API = new URL('../../../worker-node/index.ts', import.meta.url).href;
const DEFINITION =
  "name: 'own', input: { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }, run: () => 7";

/** Operation files that keep a host from starting, each with its sentence. */
const FILES: readonly (readonly [text: string, sentence: string])[] = [
  ['export const a = ;', ':2 cannot be loaded: Unexpected token'],
  ['throw null;', ' cannot be loaded: null was thrown'],
  ['await new Promise(() => {});', ':2 will never load'],
  ['export const a = 1;', ' exports no operation'],
  [`export default defineOperation({ ${DEFINITION}, maxattempts: 3 });`, 'did you mean maxAttempts?'],
  [
    `export default defineOperation({ ${DEFINITION}, retry: { minDelayMs: 5000, maxDelayMs: 50 } });`,
    'retry must be',
  ],
  [
    `export default defineOperation({ ${DEFINITION}, retry: { minDelayMs: 1e15, maxDelayMs: 1e16 } });`,
    'retry.minDelayMs must be',
  ],
];

/** Starts hosts with files that cannot be loaded, one after the other, until the time is over. */
async function refusedFiles(ms: number): Promise<void> {
  const end = performance.now() + ms;
  const folder = await scratchFolder();
  const file = path.join(folder, 'own.mjs');
  for (let turn = 0; performance.now() < end; turn++, await delay(PAUSE_MS)) {
    const [text, sentence] = FILES[turn % FILES.length] ?? ['', ''];
    await writeFile(file, `import { defineOperation } from ${JSON.stringify(API)};\n${text}`);
    const { code, stderr } = await runLocal(['worker', folder], {
      HEALTH_PORT: '0',
      NATS_URL: 'nats://127.0.0.1:1',
    });
    expect(stderr).toContain(file);
    expect(stderr).toContain(sentence);
    expect(code).toBe(EXIT.settings.code);
  }
}
