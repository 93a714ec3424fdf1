/** Limits by key, of workers that keep them. */
import { createHash, randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { canonicalJson } from '../../../shared/text/json/canonical-json.ts';
import { parseJson } from '../../../shared/text/json/parse-json.ts';
import { limitSubject } from '../../../shared/wire/subjects.ts';
import { lastMessage } from '../../../worker-node/broker/last-message.ts';
import type { Bench } from '../bench.ts';
import type { JobView } from '../broker/job-view.ts';
import { TENANT } from '../broker/queue.ts';
import type { WorkerCase } from './case.ts';

const CONCURRENT = 'conformance.limited';
const RATED = 'conformance.rated';
const LIMIT = 2;
const POINTER = '/key';
const JOBS = 5;
const PERIOD_MS = 2_000;
/** Clocks of the harness and the worker are those of one machine. */
const TOLERANCE_MS = 200;
const ROUTE = { priority: 'normal', lane: 'l0' } as const;

export const LIMIT_CASES: readonly WorkerCase[] = [
  {
    name: 'limit-by-key',
    what: 'jobs of one key wait for the places that others have, and give theirs back',
    sentences: ['limit-place', 'limit-free'],
    run: async (bench) => {
      const { submit, findings, publish, ended, laterMs } = bench;
      await expectAnnounced(bench, CONCURRENT, { concurrency: { key: POINTER, limit: LIMIT } });
      const key = randomUUID();
      const entry = entryOf(CONCURRENT, key);
      const until = Date.now() + 1_500;
      const places = ['other-1', 'other-2'].map((id) => [id, until]);
      await publish(entry, JSON.stringify({ places, starts: [] }), { 'Nats-TTL': '60s' });
      const input = { key, ms: 150 };
      const jobs = await Promise.all(
        Array.from({ length: JOBS }, () => submit(CONCURRENT, input, { route: ROUTE })),
      );
      for (const job of jobs) await ended(job, 'limit-place', 2 * laterMs);
      const first = Math.min(...jobs.flatMap(startsOf));
      const early = until - TOLERANCE_MS - first;
      findings.check(
        'limit-place',
        early <= 0,
        `an attempt started ${early} ms before one of the ${LIMIT} places was free`,
      );
      const most = mostAtOnce(jobs);
      findings.check(
        'limit-place',
        most <= LIMIT,
        `${most} attempts of one key ran at the same time; the limit is ${LIMIT}`,
      );
      await findsFree(bench, entry, jobs);
    },
  },
  {
    name: 'rate-by-key',
    what: 'jobs of one key do not start more often than their rate, counting the starts of other workers',
    sentences: ['limit-place'],
    run: async (bench) => {
      const { submit, findings, publish, ended, laterMs } = bench;
      await expectAnnounced(bench, RATED, {
        rateLimit: { key: POINTER, limit: LIMIT, periodMs: PERIOD_MS },
      });
      const key = randomUUID();
      const startedAt = Date.now();
      const starts = [
        ['', startedAt],
        ['other-1', startedAt],
      ];
      await publish(entryOf(RATED, key), JSON.stringify({ places: [], starts }), { 'Nats-TTL': '60s' });
      const jobs = await Promise.all(
        Array.from({ length: LIMIT + 1 }, () => submit(RATED, { key }, { route: ROUTE })),
      );
      for (const job of jobs) await ended(job, 'limit-place', 2 * PERIOD_MS + 2 * laterMs);
      const at = [startedAt, startedAt, ...jobs.flatMap(startsOf)].toSorted((a, b) => a - b);
      for (const [place, start] of at.slice(LIMIT).entries()) {
        const afterMs = start - (at[place] ?? 0);
        const found = `an attempt started ${afterMs} ms after the start ${LIMIT} before it; the period is ${PERIOD_MS} ms`;
        findings.check('limit-place', afterMs >= PERIOD_MS - TOLERANCE_MS, found);
      }
    },
  },
];

/** Ends the case as skipped if the worker does not announce an operation with a limit. */
async function expectAnnounced(
  { parts: { broker }, findings }: Bench,
  operation: string,
  limit: Readonly<Record<string, unknown>>,
): Promise<void> {
  const stored = await lastMessage(broker.manager, 'KV_OPERATIONS', `$KV.OPERATIONS.${operation}`);
  const announced = (stored === undefined ? {} : parseJson(stored.string())) as Readonly<
    Record<string, unknown>
  >;
  const says = Object.entries(limit).every(([name, value]) => isDeepStrictEqual(announced[name], value));
  if (!says) findings.skip(`the worker does not announce ${operation} with ${JSON.stringify(limit)}`);
}

function entryOf(operation: string, key: string): string {
  const hash = createHash('sha256')
    .update(`${POINTER}\n${canonicalJson(key)}`)
    .digest('base64url')
    .slice(0, 32);
  return limitSubject({ tenant: TENANT, operation }, hash);
}

const startsOf = ({ events }: JobView): number[] =>
  events.filter(({ body }) => body.kind === 'started').map(({ body }) => Date.parse(body.at));

/** How many attempts were between their start and their end, in the order in which the events were stored. */
function mostAtOnce(jobs: readonly JobView[]): number {
  const events = jobs.flatMap((job) => job.events).sort((a, b) => a.sequence - b.sequence);
  let [running, most] = [0, 0];
  for (const { body, isEnd } of events) {
    if (body.kind === 'started') running++;
    else if (isEnd || body.kind === 'retrying' || (body.kind === 'released' && body.startedAt !== undefined))
      running--;
    most = Math.max(most, running);
  }
  return most;
}

/** A place that ends by itself stays in the entry, so it is seen. */
async function findsFree(
  { findings, soonMs, parts: { broker } }: Bench,
  entry: string,
  jobs: readonly JobView[],
): Promise<void> {
  let left: string[] = [];
  const isFree = async (): Promise<boolean> => {
    const stored = await lastMessage(broker.manager, 'KV_LIMITS', entry);
    const { places = [] } = (stored === undefined ? {} : parseJson(stored.string())) as {
      readonly places?: readonly [string, number][];
    };
    left = places.filter(([id]) => !id.startsWith('other-')).map(([id]) => id);
    return left.length === 0;
  };
  await jobs[0]?.until(isFree, soonMs);
  findings.check('limit-free', left.length === 0, `the entry still has the places ${left.join(', ')}`);
}
