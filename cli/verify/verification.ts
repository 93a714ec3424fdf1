import { ApiError } from '../../client/errors.ts';
import { pollDelays } from '../../client/patience.ts';
import { pause, startTimeLimit } from '../../shared/timers.ts';
import { CliError } from '../cli-error.ts';
import type { Scope } from '../host.ts';
import { readLogs } from '../input/log-store.ts';
import type { CallerTrace } from '../trace/caller-trace.ts';
import { partNotes, type TraceStore } from '../trace/stores/trace-store.ts';
import { type Evidence, gatherEvidence } from './examine/evidence.ts';
import { examine } from './examine/examine.ts';
import { examineLogs } from './examine/examine-logs.ts';
import type { CanaryReport, Fault } from './report.ts';
import type { CallbackReceiver } from './send/callback-receiver.ts';
import type { Canary } from './send/canaries.ts';
import { asCaller } from './send/canary-caller.ts';
import { CannotCheck, refusal } from './send/refusal.ts';
import { type SentCanary, sendCanary } from './send/send-canary.ts';

/** How much longer than those of the other canaries spans may take that should not come. */
const SILENCE_MS = 2_000;
/** A trace that no store has. */
const NO_TRACE_ID = '1'.padStart(32, '0');
/** What a store may say now, and not the next time that it is asked. */
const MAY_PASS: readonly string[] = ['traces-unreachable', 'logs-unreachable'];
/** The longest that a canary's job may take. */
const JOB_MS = 30_000;

interface VerificationParts {
  readonly scope: Pick<Scope, 'api' | 'config' | 'signal'>;
  readonly store: TraceStore;
  readonly trace: CallerTrace;
  readonly receiver: CallbackReceiver | undefined;
  /** Whether the canaries were chosen by name: one that is skipped then counts as broken. */
  readonly isChosen: boolean;
  /** How long spans may take to arrive. */
  readonly spansMs: number;
}

interface CanaryParts extends VerificationParts {
  /** Settles when the spans of the other canaries have arrived. */
  readonly others?: Promise<unknown> | undefined;
}

/**
 * Sends canaries side by side, and holds what the trace store has of each against the hops that it took.
 * @throws CliError `traces-unreachable` if the store answers no question to the end; `api-unreachable`; ApiError
 * `unauthenticated`
 */
export async function verifyCanaries(
  canaries: readonly Canary[],
  parts: VerificationParts,
): Promise<CanaryReport[]> {
  const { store, scope } = parts;
  // A store that does not answer is found before anything is sent.
  await store.read(NO_TRACE_ID, scope.signal);
  const isSilent = ({ sends }: Canary): boolean => sends === 'unsampled';
  const loud = canaries.filter((canary) => !isSilent(canary)).map((canary) => verifyOne(canary, parts));
  // Once the spans of the others are there, the store has shown how long it takes.
  const others = loud.length === 0 ? undefined : Promise.allSettled(loud);
  const silent = canaries.filter(isSilent).map((canary) => verifyOne(canary, { ...parts, others }));
  const reports = await Promise.all([...loud, ...silent]);
  return canaries.flatMap(({ name }) => reports.filter(({ canary }) => canary === name));
}

async function verifyOne(canary: Canary, parts: CanaryParts): Promise<CanaryReport> {
  const { receiver, isChosen, trace, scope } = parts;
  if (canary.needs === 'callback' && receiver === undefined) {
    return skipped(
      canary,
      isChosen,
      'it needs --callback-url, an address of this machine that the worker reaches',
    );
  }
  const callback = canary.needs === 'callback' ? receiver?.expect() : undefined;
  const limit = startTimeLimit(JOB_MS);
  const signal = AbortSignal.any([limit.signal, scope.signal]);
  try {
    const sent = await asCaller(canary, trace, scope.api.jobsUrl, (caller) =>
      sendCanary(canary, caller, { api: scope.api, callback, signal }),
    );
    if (canary.needs === 'outbox' && !sent.wasInOutbox) {
      const reason =
        'the job went straight to NATS. It uses the outbox only while NATS is away, or with ACK_MODE=outbox';
      return { ...skipped(canary, isChosen, reason), ...idsOf(sent) };
    }
    return await judged(sent, parts);
  } catch (thrown) {
    scope.signal.throwIfAborted();
    if (thrown instanceof CannotCheck) return skipped(canary, isChosen, thrown.message);
    if (!(thrown instanceof ApiError) || thrown.code === 'unauthenticated') throw thrown;
    const known = refusal(thrown);
    return 'skip' in known ? skipped(canary, isChosen, known.skip) : broken(canary, [known.fault]);
  } finally {
    limit.stop();
  }
}

/** Asks the store until the trace is whole, or the time for spans is over. */
async function judged(sent: SentCanary, parts: CanaryParts): Promise<CanaryReport> {
  const { store, scope, spansMs, others } = parts;
  const { signal } = scope;
  await others;
  const deadline = performance.now() + (others === undefined ? spansMs : Math.min(spansMs, SILENCE_MS));
  // Nothing arrives of a trace that is not sampled, so only time tells that nothing will.
  const isSilent = sent.canary.sends === 'unsampled';
  for (const delayMs of pollDelays()) {
    const leftMs = deadline - performance.now();
    const isLast = leftMs <= 0;
    const { evidence, faults, isWhole } = await look(sent, parts, isLast);
    if (isLast || (isSilent ? faults.length > 0 : isWhole)) {
      const notes = evidence === undefined ? [] : partNotes(store, evidence.own);
      return { ...broken(sent.canary, faults), ...idsOf(sent), notes };
    }
    await pause(Math.min(delayMs, leftMs), signal);
  }
  throw new Error('unreachable');
}

interface Look {
  /** Undefined if the store cannot tell now. */
  readonly evidence: Evidence | undefined;
  readonly faults: readonly Fault[];
  readonly isWhole: boolean;
}

/** Looks once into the stores. @param isLast whether what may pass is a failure now */
async function look(sent: SentCanary, { store, scope }: CanaryParts, isLast: boolean): Promise<Look> {
  const unlessItMayPass = (thrown: unknown): undefined => {
    if (isLast || !(thrown instanceof CliError) || !MAY_PASS.includes(thrown.code)) throw thrown;
  };
  const evidence = await gatherEvidence(sent, store, scope.signal).catch(unlessItMayPass);
  const inLogs = await logFaults(sent, scope).catch(unlessItMayPass);
  const faults = evidence === undefined ? [] : [...examine(evidence), ...(inLogs ?? [])];
  const isWhole = evidence !== undefined && inLogs !== undefined && faults.length === 0;
  return { evidence, faults, isWhole };
}

/** Whether the log lines carry the trace, if there is a log store. The plain canary stands for all. */
async function logFaults(
  { canary, jobs, caller }: SentCanary,
  { config, signal }: VerificationParts['scope'],
): Promise<Fault[]> {
  const job = jobs[0]?.job;
  const { logsUrl: template, logsHeaders: headers } = config;
  if (template === undefined || canary.name !== 'plain' || job === undefined) return [];
  return examineLogs(await readLogs({ template, headers }, job, signal), caller.traceId);
}

const idsOf = ({ caller, jobs }: SentCanary): Pick<CanaryReport, 'traceId' | 'jobIds'> => ({
  traceId: caller.traceId,
  jobIds: jobs.map(({ job }) => job.id),
});

function broken({ name }: Canary, faults: readonly Fault[]): CanaryReport {
  return { canary: name, outcome: faults.length === 0 ? 'whole' : 'broken', faults, notes: [] };
}

function skipped({ name }: Canary, isChosen: boolean, reason: string): CanaryReport {
  const faults: Fault[] = isChosen
    ? [{ hop: 'job', found: 'the canary was asked for, and cannot be checked', cause: reason }]
    : [];
  return { canary: name, outcome: isChosen ? 'broken' : 'skipped', reason, faults, notes: [] };
}
