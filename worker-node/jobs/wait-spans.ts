import { type Context, context, type Span, SpanKind, trace } from '@opentelemetry/api';
import { ATTR, WORKER_ATTR } from '../../shared/trace/semantics.ts';
import { serverAttributes } from '../../shared/trace/server-address.ts';
import type { JobMessage } from '../../shared/wire/job-message.ts';
import { isOrderedLane } from '../../shared/wire/lanes.ts';
import { parseRoute } from '../../shared/wire/subjects.ts';
import type { Delivery } from '../broker/consume/delivery.ts';
import { momentAfter } from '../telemetry/spans/moment.ts';
import { Shapes, SpanShape } from '../telemetry/spans/span-shape.ts';
import { recordSpan } from '../telemetry/spans/start-span.ts';
import type { Attempt } from './attempt/attempt.ts';
import type { LimitKind } from './limits/entry.ts';

/** A shorter wait can be seen as the gap before `process`. */
const SHOWN_MS = 1_000;

const TURN = 'wait for turn';

/** What let a job wait for its turn: a limit by key, the lane of its ordering key, or the attempts of its operation on the host. */
type TurnLimit = LimitKind | 'lane' | 'host';

/** From one moment to another, in epoch milliseconds. */
interface Period {
  readonly from: number;
  readonly to: number;
}

/** Why a job waited. */
interface Wait extends Period {
  readonly name: 'wait until due' | 'wait in queue' | 'wait for retry' | typeof TURN;
  readonly by?: TurnLimit | undefined;
}

interface Waited {
  /** The span of the attempt. */
  readonly span: Span;
  /** The context of the span that sent the job; undefined if the attempt is not below it. */
  readonly sentIn: Context | undefined;
  readonly delivery: Pick<Delivery, 'storedAt' | 'subject'>;
  readonly attempt: Pick<Attempt, 'job' | 'previous' | 'startedAt' | 'acceptedAt'>;
  readonly server: string | undefined;
  /** By how many milliseconds this host's clock is ahead of that of the broker, as far as it is known. */
  readonly aheadMs: number;
}

/**
 * Shows how long the job waited before the attempt: for its time, in the queue, for its turn, or for the next attempt. Each wait of a
 * second or more is a span beside that of the attempt, by the broker's timestamps. If the clock of this host differs from that
 * of the broker, the span of the attempt says so, and the waits are corrected. A wait that still ends before it starts is not
 * shown.
 */
export function recordWaits({ span, sentIn, delivery, attempt, server, aheadMs }: Waited): void {
  const startedAt = Date.parse(attempt.startedAt);
  const storedAt = delivery.storedAt.getTime();
  const skewMs = aheadMs === 0 ? Math.min(0, startedAt - storedAt) : aheadMs;
  if (skewMs !== 0) span.setAttribute(WORKER_ATTR.clockSkewMs, skewMs);
  if (sentIn === undefined || !span.isRecording()) return;
  const { lane } = parseRoute(delivery.subject) ?? {};
  const inQueue = lane !== undefined && isOrderedLane(lane) ? IN_ORDER : IN_QUEUE;
  const shown = { jobId: attempt.job.address.jobId, server, parent: sentIn };
  for (const wait of waitsOf(attempt, storedAt, startedAt - aheadMs, inQueue)) showWait(wait, shown);
}

/**
 * Shows how long an attempt that was delivered waited for its turn on this host: a span of a second or more below that of the
 * attempt, by the clock of the host.
 * @param waited the active context has the span of the attempt
 */
export function recordTurn(job: Pick<JobMessage, 'address'>, by: TurnLimit, waited: Period): void {
  if (trace.getActiveSpan()?.isRecording() !== true) return;
  const shown = { jobId: job.address.jobId, server: undefined, parent: context.active() };
  showWait({ name: TURN, by, ...waited }, shown);
}

interface ShownWait {
  readonly jobId: string;
  readonly server: string | undefined;
  readonly parent: Context;
}

function showWait({ name, from, to, by }: Wait, { jobId, server, parent }: ShownWait): void {
  const ms = to - from;
  // A time that cannot be read makes it NaN.
  if (Number.isNaN(ms) || ms < SHOWN_MS) return;
  const own = [ATTR.jobId, jobId];
  if (by !== undefined) own.push(ATTR.limitBy, by);
  recordSpan(SHAPES.of(name, server), { own, parent, startTime: from, ended: momentAfter(to, 0) });
}

const SHAPES = new Shapes(
  (name, server) => new SpanShape({ name, kind: SpanKind.INTERNAL, attributes: serverAttributes(server) }),
);

const IN_QUEUE = { name: 'wait in queue' } as const;
/** The jobs of an ordered lane run one after the other. */
const IN_ORDER = { name: TURN, by: 'lane' } as const;

/** @param begunAt when the attempt started, on the broker's clock */
function waitsOf(
  { job, previous, acceptedAt, startedAt: startedHere }: Waited['attempt'],
  storedAt: number,
  begunAt: number,
  inQueue: typeof IN_QUEUE | typeof IN_ORDER,
): Wait[] {
  if (previous !== undefined) {
    // The attempt before did not end. Nobody knows how long its host worked on the job.
    if (previous.kind === 'started' || previous.kind === 'progress') return [];
    // Hosts wrote both times.
    const startedAt = Date.parse(startedHere);
    const endedAt = Date.parse(previous.at);
    const dueAt = Math.min(startedAt, endedAt + (previous.retryInMs ?? 0));
    // A host handed the job back before it started, since a limit or a pause held it.
    if (previous.kind === 'released' && previous.startedAt === undefined)
      return [{ name: TURN, from: endedAt, to: startedAt }];
    return [
      { name: 'wait for retry', from: endedAt, to: dueAt },
      { ...inQueue, from: dueAt, to: startedAt },
    ];
  }
  const delayed: Wait[] =
    job.spec.dueAt === undefined
      ? []
      : [{ name: 'wait until due', from: Date.parse(acceptedAt), to: storedAt, by: job.spec.dueBy }];
  return [...delayed, { ...inQueue, from: storedAt, to: begunAt }];
}
