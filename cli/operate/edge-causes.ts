import type { BridgeStatus, StreamRoom } from '../../shared/api/answers/health.ts';
import { STREAM_NEARLY_FULL } from '../../shared/nats/store-caps.ts';
import { counted, waiting } from '../text/counted.ts';
import type { Cause, Unasked } from './cause.ts';
import { clockText, isClockWrong } from './clock-text.ts';
import type { EdgeReport } from './edge-report.ts';

/** A pending job normally waits for a few seconds at most. */
const OUTBOX_WAITS_SECONDS = 60;

/**
 * What is wrong, as far as the edge can tell.
 * @param program this program, with the options by which it asks the same API again
 */
export function edgeCauses(edge: EdgeReport, program: string): Cause[] {
  if (!edge.reached) return [unreachable(edge)];
  const broker = brokerCauses(edge);
  return [
    ...keyCauses(edge),
    // Without NATS much else fails. The cause is one.
    ...(broker.length > 0 ? broker : failing(edge.unasked)),
    ...(edge.bridges ?? []).flatMap((bridge) => bridgeCauses(bridge, program)),
    ...hostCauses(edge),
    ...clockCauses(edge),
  ];
}

function unreachable({ url, problem = 'no answer' }: EdgeReport): Cause {
  return {
    code: 'edge-unreachable',
    cause: `the edge at ${url} does not answer as an API of Throughline`,
    evidence: [problem],
    advice: 'check --url or THROUGHLINE_URL, and whether the Worker is deployed',
  };
}

function keyCauses({ isKeyInvalid, unasked }: EdgeReport): Cause[] {
  if (!isKeyInvalid) return [];
  return [
    {
      code: 'key-invalid',
      cause: 'the API key is missing or not valid',
      evidence: unasked.map(({ part, why }) => `${part}: ${why}`),
      advice: 'set --api-key or THROUGHLINE_API_KEY; `throughline keys create` makes a key',
    },
  ];
}

/** The key lacks scopes. @param unasked what the edge did not tell */
export function scopeCauses(unasked: readonly Unasked[]): Cause[] {
  const hidden = unasked.filter(({ code }) => code === 'forbidden');
  return hidden.length === 0 ? [] : [scopeMissing(hidden)];
}

/** @param hidden what the key may not see */
export function scopeMissing(hidden: readonly Unasked[]): Cause {
  return {
    code: 'scope-missing',
    cause: 'the API key may not see all that is needed for an answer',
    evidence: hidden.map(({ part, why }) => `${part}: ${why}`),
    advice:
      'use a key with the scopes jobs:read, dead-letters:read and status:read: throughline keys create <id> --tenant <tenant> --scope … (docs/SETTINGS.md, API_KEYS)',
  };
}

/** The edge answers, but fails at some requests. @param unasked what it did not tell */
export function failing(unasked: readonly Unasked[]): Cause[] {
  const evidence = unasked.filter(({ isFault }) => isFault).map(({ part, why }) => `${part}: ${why}`);
  if (evidence.length === 0) return [];
  return [
    {
      code: 'edge-failing',
      cause: 'the edge fails at some requests',
      evidence,
      advice: 'read the log of the Worker; check that the address leads to it, and not to another server',
    },
  ];
}

/** NATS does not answer the edge, or does not do what the edge needs. */
function brokerCauses({ ready, problem, problemCode, bridges }: EdgeReport): Cause[] {
  const away = bridges?.filter(({ roundTripMs }) => roundTripMs === undefined) ?? [];
  if (away.length > 0) return [withoutNats(away.map(bridgeFact))];
  const refused =
    bridges?.flatMap(({ bridge, problems }) => problems.map((one) => `${bridge}: ${one}`)) ?? [];
  if (refused.length > 0) return [refusedByNats(refused)];
  if (ready) return [];
  const evidence = [`/readyz: ${problem}`];
  if (problemCode === 'broker-unavailable') return [withoutNats(evidence)];
  return [
    {
      code: 'edge-not-ready',
      cause: 'the edge says that it is not ready',
      evidence,
      advice: 'use a key with the scope status:read to see why, or read the log of the Worker',
    },
  ];
}

function withoutNats(evidence: readonly string[]): Cause {
  return {
    code: 'edge-without-nats',
    cause: 'the edge does not reach NATS: it keeps accepted jobs in its outbox, and no worker sees them',
    evidence,
    advice:
      'check that nats-server runs, that its WebSocket port is open to the edge, and NATS_URL and the login of the edge',
  };
}

function refusedByNats(evidence: readonly string[]): Cause {
  return {
    code: 'edge-refused-by-nats',
    cause: 'NATS answers the edge, but does not do what the edge needs',
    evidence,
    advice:
      'compare the permissions of the user of the edge with deploy/nats/permissions.conf; `throughline setup --check` checks the streams, and with --as edge the user',
  };
}

const bridgeFact = ({ bridge, state, outbox }: BridgeStatus): string =>
  `${bridge}: the connection is ${state}, ${counted(outbox.pending, 'job')} in the outbox`;

function bridgeCauses({ bridge, outbox, queue, delayed }: BridgeStatus, program: string): Cause[] {
  const causes: Cause[] = [];
  if (outbox.rejected > 0)
    causes.push({
      code: 'outbox-rejected',
      cause: `NATS refuses ${counted(outbox.rejected, 'job')} of the outbox of ${bridge}`,
      evidence: [`${outbox.rejected} rejected`],
      advice: `see the reasons: ${program} outbox list. Then retry or remove each`,
    });
  if (outbox.pending > 0 && outbox.oldestAgeSeconds > OUTBOX_WAITS_SECONDS)
    causes.push({
      code: 'outbox-waits',
      cause: `${waiting(outbox.pending, 'job', ` of the outbox of ${bridge}`)} for NATS`,
      evidence: [`the oldest has waited for ${Math.round(outbox.oldestAgeSeconds)} s`],
      advice: 'find out why NATS does not take them: see the other lines, and the log of the Worker',
    });
  return [...causes, ...fullCauses('JOBS', queue), ...fullCauses('DELAYED', delayed)];
}

function fullCauses(name: string, room: StreamRoom | undefined): Cause[] {
  return room === undefined ? [] : roomCauses(name, room);
}

/** @param room how much a stream holds, and how much it may hold */
export function roomCauses(name: string, { bytes, maxBytes }: StreamRoom): Cause[] {
  if (maxBytes === undefined || bytes < maxBytes * STREAM_NEARLY_FULL) return [];
  const percent = Math.floor((bytes / maxBytes) * 100);
  return [
    {
      code: 'stream-full',
      cause: `${name} is nearly full: new jobs are refused, or will be soon`,
      evidence: [`${bytes} of ${maxBytes} bytes, ${percent} %`],
      advice:
        'let the workers catch up (add hosts), cancel jobs that nobody needs, or give the stream more room: STREAM_JOBS_BYTES and `throughline setup`',
    },
  ];
}

function hostCauses({ bridges, queued }: EdgeReport): Cause[] {
  const isAlone = bridges?.some(({ workerHosts }) => workerHosts === 0) === true;
  const unserved = queued?.filter(({ served }) => served === false) ?? [];
  const evidence = [
    ...(isAlone ? ['the edge knows of no host that is alive'] : []),
    ...unservedFacts(unserved.map(({ operation }) => operation)),
  ];
  return evidence.length === 0 ? [] : [noWorker(evidence)];
}

function unservedFacts(operations: readonly string[]): string[] {
  return [...Map.groupBy(operations, (name) => name)].map(
    ([name, all]) =>
      `${waiting(all.length, 'job', ` of ${name}`)}, and no worker host can run ${all.length === 1 ? 'it' : 'them'}`,
  );
}

/** @param evidence what shows that jobs have no host */
export function noWorker(evidence: readonly string[]): Cause {
  return {
    code: 'no-worker',
    cause: 'jobs wait, or would wait, because no worker host that is alive can run them',
    evidence,
    advice:
      'start a worker that has the operation, and whose WORKER_OPERATIONS takes it; `throughline workers` lists those that are alive',
  };
}

function clockCauses({ clockAheadMs }: EdgeReport): Cause[] {
  return isClockWrong(clockAheadMs) ? [wrongClock('this machine', 'the edge', clockAheadMs)] : [];
}

/** @param who whose clock is off, against `other` */
export function wrongClock(who: string, other: string, aheadMs: number): Cause {
  return {
    code: 'clock-wrong',
    cause: `the clock of ${who} is ${clockText(aheadMs)}`,
    evidence: [`compared with the clock of ${other}: one of the two is wrong`],
    advice:
      'set the clocks over the network (NTP): times of events and traces, limits of rate, and tokens depend on them',
  };
}
