import type { BridgeStatus } from '../../shared/api/answers/health.ts';
import type { ListedOperation } from '../../shared/api/answers/operation-list.ts';
import type { NatsReport } from '../../worker-node/broker/operate/nats-report.ts';
import type { Environment } from '../config.ts';
import type { Scope } from '../host.ts';
import { askNats, type NatsAnswer } from './ask-nats.ts';
import { type Cause, settingInvalid, type Unasked } from './cause.ts';
import { edgeCauses } from './edge-causes.ts';
import { type EdgeReport, edgeReport } from './edge-report.ts';
import { natsCauses } from './nats-causes.ts';

/** All that an operator may want to know, of what could be asked. */
export interface SystemReport {
  /** Whether nothing is wrong. */
  readonly ok: boolean;
  readonly wrong: readonly Cause[];
  /** What is worth knowing, and is not wrong. */
  readonly notes: readonly string[];
  readonly edge: EdgeReport;
  readonly nats?: NatsReport;
  readonly unasked: readonly Unasked[];
}

/** Asks the edge and, if the environment says where it is, NATS. @throws what Ctrl-C throws, and nothing else */
export async function systemReport(scope: Scope, environment: Environment): Promise<SystemReport> {
  const [edge, nats] = await Promise.all([edgeReport(scope), askNats(environment)]);
  const report = 'report' in nats ? nats.report : undefined;
  const wrong = causesOnce(
    edgeCauses(edge, scope.output.program),
    report === undefined ? natsFault(nats) : natsCauses(report),
  );
  return {
    ok: wrong.length === 0,
    wrong,
    notes: notesOf(edge, report),
    edge,
    ...(report === undefined ? {} : { nats: report }),
    unasked: [...edge.unasked, ...natsUnasked(nats)],
  };
}

function natsUnasked(nats: NatsAnswer): Unasked[] {
  if (!('unasked' in nats)) return [];
  return [{ part: 'NATS directly', why: nats.unasked, isFault: nats.fault !== undefined }];
}

function natsFault(nats: NatsAnswer): Cause[] {
  if (!('unasked' in nats) || nats.fault === undefined) return [];
  if (nats.fault === 'setting-invalid') return [settingInvalid([nats.unasked])];
  return [
    {
      code: 'nats-unreachable',
      cause: 'NATS cannot be asked from this machine',
      evidence: [nats.unasked],
      advice: 'check NATS_URL and the login: they are those of `throughline setup`',
    },
  ];
}

/** What the edge and NATS tell, each cause once. That no host is alive shows in both: NATS then adds to the evidence. */
export function causesOnce(ofEdge: readonly Cause[], ofNats: readonly Cause[]): Cause[] {
  const isLone = ofEdge.some(({ code }) => code === 'no-worker');
  const isSame = ({ code }: Cause): boolean => isLone && code === 'no-worker';
  const more = ofNats.filter(isSame).map(({ cause }) => cause);
  const told = ofEdge.map((one) => (isSame(one) ? { ...one, evidence: [...one.evidence, ...more] } : one));
  return [...told, ...ofNats.filter((one) => !isSame(one))].filter(isFirst);
}

/** Two sources may tell the same. The first one counts, since it has the more exact words. */
function isFirst({ code, cause }: Cause, place: number, all: readonly Cause[]): boolean {
  return all.findIndex((other) => other.code === code && other.cause === cause) === place;
}

/** Where no host is alive, that is the cause of it all, and is told as such. */
function unservedNote(bridges: readonly BridgeStatus[], operations: readonly ListedOperation[]): string[] {
  const names = operations.filter(({ hosts }) => hosts === 0).map(({ name }) => name);
  if (names.length === 0 || bridges.some(({ workerHosts }) => workerHosts === 0)) return [];
  return [`no worker host can run ${names.join(', ')}`];
}

/** What is worth knowing, and is not wrong. */
export function notesOf(
  { bridges = [], operations = [], version }: EdgeReport,
  nats: NatsReport | undefined,
): string[] {
  const paused = operations.flatMap(({ name, paused: pause }) =>
    pause === undefined ? [] : [`${name} is paused by ${pause.by} since ${pause.since}`],
  );
  const versions = new Set(nats?.hosts.map((host) => host.version));
  return [
    ...paused,
    ...bridges.flatMap(({ bridge, warnings }) => warnings.map((warning) => `${bridge}: ${warning}`)),
    ...unservedNote(bridges, operations),
    ...(versions.size > 1
      ? [`the worker hosts have different versions: ${[...versions].sort().join(', ')}`]
      : []),
    ...(version !== undefined && versions.size === 1 && !versions.has(version)
      ? [`the edge has version ${version}, the worker hosts have ${[...versions].join('')}`]
      : []),
  ];
}
