import type { RecordedCallbackEvent } from '../../shared/api/answers/job-history.ts';
import type { ListedOperation } from '../../shared/api/answers/operation-list.ts';
import type { OutboxItem } from '../../shared/api/answers/outbox.ts';
import { isLimited } from '../../shared/api/operation.ts';
import type { Job } from '../../shared/job/job.ts';
import { takesOperation } from '../../shared/nats/consumers/operation-filters.ts';
import { shellCommand } from '../../shared/text/terminal/shell-command.ts';
import type { WorkerGroup } from '../../worker-node/broker/groups/worker-groups.ts';
import { counted } from '../text/counted.ts';
import { deliveryFault } from '../text/job-text.ts';
import type { Cause } from './cause.ts';
import { noWorker } from './edge-causes.ts';
import type { SystemReport } from './system-report.ts';

/** A job, and what else is known about it. */
export interface ExaminedJob {
  readonly job: Job;
  /** This program, with the options by which it asks the same API again. */
  readonly program: string;
  /** The job's row in the outbox, if it has one. */
  readonly outboxItem: OutboxItem | undefined;
  /** The last delivery of its callback that is recorded. */
  readonly callback: RecordedCallbackEvent | undefined;
}

/** Why a job does not run, or how it is. There is always at least one answer. */
export function jobCauses(examined: ExaminedJob, system: SystemReport): Cause[] {
  const { job } = examined;
  const poison = poisonCauses(examined);
  switch (job.state) {
    case 'queued':
      return [...poison, ...queuedCauses(examined, system)];
    case 'running':
      return poison.length > 0 ? poison : [running(examined)];
    case 'retrying':
      return [...poison, retrying(job), ...hostCauses(job, system), ...pauseCauses(job, system)];
    case 'failed':
      return [...failureCauses(examined, poison), ...callbackCauses(examined)];
    default: {
      const late = callbackCauses(examined);
      return late.length > 0 ? late : [ended(examined)];
    }
  }
}

/** If the last attempt ended by itself, its error is why the job failed, whatever became of the earlier ones. */
function failureCauses(examined: ExaminedJob, poison: readonly Cause[]): readonly Cause[] {
  const isLost = examined.job.error?.code === 'attempts-spent' && poison.length > 0;
  return isLost ? poison : [failed(examined), ...poison];
}

/** Attempts that never ended: their hosts died, or were stopped by force. */
function poisonCauses({ job, program }: ExaminedJob): Cause[] {
  const { id, operation, state, attempts = [], error, maxAttempts } = job;
  const lost = attempts.filter(({ outcome }) => outcome === 'lost');
  // Without the attempts only the code is known. With them it may say that the operation allows fewer now.
  const mayBeLost = attempts.length === 0 && error?.code === 'attempts-spent';
  if (lost.length === 0 && !mayBeLost) return [];
  const facts = lost.map(
    ({ number, worker, startedAt }) => `attempt ${number} on ${worker} began at ${startedAt} and never ended`,
  );
  const stop = state === 'failed' ? '' : `. To stop it: ${shellCommand(`${program} cancel`, id)}`;
  return [
    {
      code: 'poison-job',
      cause:
        lost.length === 1
          ? 'an attempt of the job ended without a word: its host was killed, or stood still, or the job kills it'
          : 'attempts of the job end without a word: it probably kills the process of its host',
      evidence: [
        ...facts,
        ...(error === undefined ? [] : [`${error.message} (${error.code})`]),
        `${counted(maxAttempts, 'attempt')} in all`,
      ],
      advice: `look at the memory and the exit code of the host at those times, and run ${operation} with this input on a machine of your own${stop}`,
    },
  ];
}

function queuedCauses(examined: ExaminedJob, system: SystemReport): Cause[] {
  const { job } = examined;
  const certain = [
    ...outboxCauses(examined),
    ...delayCauses(job),
    ...pauseCauses(job, system),
    ...hostCauses(job, system),
  ];
  if (certain.length > 0) return certain;
  // What the system lacks is named beside this.
  if (!system.ok) return [];
  const limits = limitCauses(job, system);
  if (limits.length > 0) return [...limits, busy(job, system)];
  return [silentHost(job, system) ?? busy(job, system)];
}

/** The worker group that takes an operation, if NATS was asked and has one. */
function groupOf(operation: string, { nats }: SystemReport): WorkerGroup | undefined {
  return nats?.groups.find(({ operations }) => takesOperation(operations, operation));
}

/** What the edge says about an operation, if it knows it. */
function announced(operation: string, { edge }: SystemReport): ListedOperation | undefined {
  return edge.operations?.find(({ name }) => name === operation);
}

/** A host starts a job within a moment after it got it. */
const STARTS_WITHIN_MS = 10_000;

const isNew = (acceptedAt: string): boolean => Date.now() - Date.parse(acceptedAt) < STARTS_WITHIN_MS;

/** A host has the job, and does not start it: no job of its group waits in NATS any more. */
function silentHost({ operation, acceptedAt }: Job, system: SystemReport): Cause | undefined {
  const group = groupOf(operation, system);
  if (group === undefined || group.waiting > 0 || group.unsettled === 0 || isNew(acceptedAt))
    return undefined;
  return {
    code: 'host-silent',
    cause: 'a host has the job, and does not start it: the host hangs, or lost its way to NATS',
    evidence: [
      `accepted at ${acceptedAt}, and not started`,
      `group ${group.name}: 0 jobs wait, ${group.unsettled} are under way, hosts: ${group.hosts.join(' ')}`,
    ],
    advice:
      'look at the log and /readyz of the hosts, and restart the one that is silent. NATS gives the job to another host when the ack wait is over (WORKER_ACK_WAIT_MS)',
  };
}

function outboxCauses({ job, program, outboxItem }: ExaminedJob): Cause[] {
  if (outboxItem?.state === 'rejected')
    return [
      {
        code: 'outbox-rejected',
        cause: 'NATS refuses the job',
        evidence: [`${outboxItem.reason ?? 'no reason is known'}; sent ${counted(outboxItem.tries, 'time')}`],
        advice: `remove the reason, then: ${shellCommand(`${program} outbox retry`, outboxItem.id)}; or give it up: ${shellCommand(`${program} outbox remove`, outboxItem.id)}`,
      },
    ];
  if (job.durability !== 'outbox' && outboxItem === undefined) return [];
  return [
    {
      code: 'edge-without-nats',
      cause: 'the job waits in the outbox of the edge: NATS does not have it yet',
      evidence: [
        outboxItem === undefined ? 'durability: outbox' : `in the outbox since ${outboxItem.addedAt}`,
      ],
      advice:
        'nothing is lost: the edge sends it as soon as NATS answers. Find out why NATS does not answer the edge',
    },
  ];
}

function delayCauses({ dueAt, dueBy }: Job): Cause[] {
  if (dueAt === undefined || Date.parse(dueAt) <= Date.now()) return [];
  return [
    {
      code: 'delayed',
      cause:
        dueBy === 'rateLimit'
          ? 'a limit of rate gave the job a later time'
          : 'the job is delayed: its caller asked for it',
      evidence: [`due at ${dueAt}`],
      advice: 'wait until then',
    },
  ];
}

function pauseCauses({ operation }: Job, system: SystemReport): Cause[] {
  const { paused = {} } = system.nats ?? {};
  // An operation may be called as a property that each object has: `constructor`.
  const known = Object.hasOwn(paused, operation) ? paused[operation] : undefined;
  const pause = known ?? announced(operation, system)?.paused;
  if (pause === undefined) return [];
  const because = pause.reason === undefined ? '' : `: ${pause.reason}`;
  return [
    {
      code: 'paused',
      cause: `the operation ${operation} is paused`,
      evidence: [`by ${pause.by} since ${pause.since}${because}`],
      advice: `ask ${pause.by}, then: ${shellCommand('throughline resume', operation)}`,
    },
  ];
}

/** No host can run the job's operation. If hosts are alive, their groups take other operations. */
function hostCauses({ operation, served }: Job, system: SystemReport): Cause[] {
  const { edge, nats } = system;
  const serving =
    nats?.hosts.filter(({ operations }) => operations.includes(operation)).length ??
    announced(operation, system)?.hosts;
  if (served !== false && serving !== 0) return [];
  const alive =
    nats?.hosts.length ?? Math.max(0, ...(edge.bridges ?? []).map(({ workerHosts = 0 }) => workerHosts));
  if (alive === 0) return [noWorker(['no worker host is alive'])];
  const fact = `${counted(alive, 'worker host')} alive, and none of them can run ${operation}`;
  const groups =
    nats?.groups.map(({ name, operations }) => `the group ${name} takes ${operations.join(' and ')}`) ?? [];
  const taken = groupOf(operation, system);
  if (taken !== undefined && taken.hosts.length === 0)
    return [noWorker([fact, `the group ${taken.name} takes it, and has no host`])];
  if (taken !== undefined)
    return [noWorker([fact, `the group ${taken.name} takes it, but its hosts do not have the operation`])];
  return [
    {
      code: 'no-group',
      cause: `no worker group that is alive takes ${operation}: worker hosts are there, but for other operations`,
      evidence: [fact, ...groups],
      advice: `start a worker whose WORKER_OPERATIONS takes ${operation}, or give a group more: throughline groups move <group> <group> --operations '>'`,
    },
  ];
}

function limitCauses({ operation }: Job, system: SystemReport): Cause[] {
  const limited = announced(operation, system);
  if (limited === undefined || !isLimited(limited)) return [];
  const { concurrency, rateLimit } = limited;
  return [
    {
      code: 'limit-by-key',
      cause: `${operation} limits its jobs by a key, so the job may wait for others with its key`,
      evidence: [
        ...(concurrency === undefined
          ? []
          : [`at most ${concurrency.limit} run at the same time for each ${concurrency.key}`]),
        ...(rateLimit === undefined
          ? []
          : [`at most ${rateLimit.limit} start in ${rateLimit.periodMs} ms for each ${rateLimit.key}`]),
      ],
      advice: 'wait, or raise the limit in the operation',
    },
  ];
}

const MORE_HOSTS = 'if this lasts, add hosts or raise WORKER_CONCURRENCY';
const ASK_NATS =
  'set NATS_URL and ask again: only NATS can tell that a host has the job and does not start it (host-silent), or that the hosts ask for no job (nobody-pulls).';

function busy({ operation, acceptedAt }: Job, system: SystemReport): Cause {
  const group = groupOf(operation, system);
  const hosts = announced(operation, system)?.hosts;
  const isSure = system.nats !== undefined || isNew(acceptedAt);
  return {
    code: 'busy',
    cause: isSure
      ? 'nothing is wrong: the job waits for its turn'
      : 'the job waits for its turn, as far as the edge can tell',
    evidence: [
      `accepted at ${acceptedAt}`,
      ...(hosts === undefined ? [] : [`${counted(hosts, 'host')} can run ${operation}`]),
      ...(group === undefined
        ? []
        : [`group ${group.name}: ${group.waiting} waiting, ${group.unsettled} under way`]),
    ],
    advice: isSure ? MORE_HOSTS : `${ASK_NATS} Otherwise, ${MORE_HOSTS}`,
  };
}

function running({ job, program }: ExaminedJob): Cause {
  const { id, attempts = [], attempt, maxAttempts } = job;
  const last = attempts.at(-1);
  return {
    code: 'runs',
    cause: 'nothing is wrong: the job runs now',
    evidence: [
      `attempt ${attempt} of ${maxAttempts}`,
      ...(last === undefined ? [] : [`on ${last.worker} since ${last.startedAt}`]),
    ],
    advice: `follow it: ${shellCommand(`${program} watch`, id)}`,
  };
}

function retrying({ attempt, maxAttempts, attempts = [], error }: Job): Cause {
  const why = attempts.at(-1)?.error ?? error;
  return {
    code: 'retrying',
    cause: 'an attempt failed, and the next one comes after a pause',
    evidence: [
      `attempt ${attempt} of ${maxAttempts} failed${why === undefined ? '' : `: ${why.message} (${why.code})`}`,
    ],
    advice: 'wait for the next attempt; the log of the host has the stack',
  };
}

function failed({ job, program }: ExaminedJob): Cause {
  const { id, attempt, maxAttempts, error } = job;
  return {
    code: 'failed',
    cause: 'the job has failed for good',
    evidence: [
      `attempt ${attempt} of ${maxAttempts}${error === undefined ? '' : `: ${error.message} (${error.code})`}`,
    ],
    advice: `see all about it: ${shellCommand(`${program} dead-letters show`, id)}. When the cause is gone: ${shellCommand(`${program} dead-letters redrive`, id)}`,
  };
}

function ended({ job: { state }, callback }: ExaminedJob): Cause {
  const delivered = callback === undefined ? [] : [`callback delivered at ${callback.at}`];
  if (state === 'cancelled')
    return { code: 'cancelled', cause: 'a cancelled job never runs again', evidence: delivered, advice: '' };
  return { code: 'succeeded', cause: 'nothing is wrong', evidence: delivered, advice: '' };
}

/** A callback that has not come. A job does not say whether it has one: nothing is known before the first delivery. */
function callbackCauses({ job: { id }, program, callback }: ExaminedJob): Cause[] {
  if (callback === undefined || callback.kind === 'callback-delivered') return [];
  const { kind, attempt, maxAttempts, url, at, error } = callback;
  const evidence = [`delivery ${attempt} of ${maxAttempts} to ${url} at ${at}: ${deliveryFault(callback)}`];
  if (kind === 'callback-retrying')
    return [
      {
        code: 'callback-retrying',
        cause: 'the job has ended, and its callback is tried again',
        evidence,
        advice: 'look at the receiver, or wait for the next delivery',
      },
    ];
  const before =
    error?.code === 'target-refused'
      ? 'open the address of the receiver on the workers (CALLBACK_ALLOW; on your machine `npm run dev -- --callback-allow <origin>`) for the next jobs'
      : 'look at the receiver before the next jobs';
  return [
    {
      code: 'callback-given-up',
      cause: 'the job has ended, but its callback was given up',
      evidence,
      advice: `${before}. This callback does not come again; read the job: ${shellCommand(`${program} get`, id)}`,
    },
  ];
}
