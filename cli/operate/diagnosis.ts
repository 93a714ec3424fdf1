import type { Job } from '../../shared/job/job.ts';
import { isTerminal } from '../../shared/job/job-state.ts';
import type { Environment } from '../config.ts';
import type { Scope } from '../host.ts';
import { callbackOutcome } from '../http/callback-outcome.ts';
import type { Cause, CauseCode, Unasked } from './cause.ts';
import { failing, scopeCauses, scopeMissing } from './edge-causes.ts';
import { unaskedFor } from './edge-report.ts';
import { type ExaminedJob, jobCauses } from './job-causes.ts';
import { type SystemReport, systemReport } from './system-report.ts';
import { traceCauses } from './trace-causes.ts';

/** What keeps a job from running, or the system from working. */
export interface Diagnosis {
  readonly job?: Job;
  /** The likeliest first. */
  readonly causes: readonly Cause[];
  readonly notes: readonly string[];
  readonly unasked: readonly Unasked[];
  /** The parts that were asked, and answered. */
  readonly asked: readonly string[];
  /** Whether none of the causes is a fault. */
  readonly ok: boolean;
}

/** What is said about a job that is not a fault. */
const HARMLESS: readonly CauseCode[] = [
  'succeeded',
  'cancelled',
  'runs',
  'busy',
  'delayed',
  'limit-by-key',
  'retrying',
  'callback-retrying',
  'caller-span-missing',
];

/**
 * Looks at the whole system and, if one is named, at a job.
 * @throws ApiError if the edge refuses to tell about the job, because there is none; what Ctrl-C throws
 */
export async function diagnose(
  scope: Scope,
  environment: Environment,
  jobId: string | undefined,
): Promise<Diagnosis> {
  const system = await systemReport(scope, environment);
  const { examined, refused, unread } =
    jobId === undefined || !system.edge.reached ? NOT_LOOKED_AT : await examine(scope, jobId);
  const own = examined === undefined ? [] : jobCauses(examined, system);
  const others = [
    ...system.wrong,
    ...(jobId === undefined ? scopeCauses(system.edge.unasked) : []),
    // What the system lacks explains it.
    ...(system.ok ? failing(unread) : []),
    ...(await traceCauses(scope, environment, examined?.job)),
  ];
  const causes = [
    ...(system.edge.isKeyInvalid ? [] : refused),
    ...own,
    // The same fault may show in the job and in the system. The job's words are nearer.
    ...others.filter(({ code }) => !own.some((cause) => cause.code === code)),
  ];
  return {
    ...(examined === undefined ? {} : { job: examined.job }),
    causes,
    notes: system.notes,
    unasked: [...unread, ...system.unasked],
    asked: askedParts(system),
    ok: causes.every(({ code }) => HARMLESS.includes(code)),
  };
}

function askedParts({ edge, nats }: SystemReport): string[] {
  const parts: Readonly<Record<string, unknown>> = {
    edge: edge.reached || undefined,
    'bridges and outbox': edge.bridges,
    operations: edge.operations,
    'waiting jobs': edge.queued,
    'dead letters': edge.deadLetters,
    NATS: nats,
  };
  return Object.keys(parts).filter((part) => parts[part] !== undefined);
}

/** What the edge says about a job. */
interface JobLook {
  readonly examined?: ExaminedJob;
  /** Why this key may not read it. */
  readonly refused: readonly Cause[];
  /** Why the edge cannot read it. */
  readonly unread: readonly Unasked[];
}

const NOT_LOOKED_AT: JobLook = { refused: [], unread: [] };

/** Reads a job. A key that may not read it is a finding, and so is an edge that cannot. */
async function examine(scope: Scope, id: string): Promise<JobLook> {
  const { api, output, signal } = scope;
  try {
    const job = await api.get(id);
    const outbox = await api.outbox().catch(() => []);
    signal.throwIfAborted();
    const callback = isTerminal(job.state) ? await callbackOutcome(id, scope) : undefined;
    const outboxItem = outbox.find(({ jobId }) => jobId === id);
    return { ...NOT_LOOKED_AT, examined: { job, program: output.program, outboxItem, callback } };
  } catch (thrown) {
    signal.throwIfAborted();
    const unread = unaskedFor(`job ${id}`, thrown);
    if (unread.isFault) return { ...NOT_LOOKED_AT, unread: [unread] };
    if (unread.code === 'forbidden' || unread.code === 'unauthenticated')
      return { ...NOT_LOOKED_AT, refused: [scopeMissing([unread])] };
    throw thrown;
  }
}
