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
  const wrong = [
    ...edgeCauses(edge),
    ...(report === undefined ? natsFault(nats) : natsCauses(report)),
  ].filter(isFirst);
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

/** Two sources may tell the same. The first one counts, since it has the more exact words. */
function isFirst({ code, cause }: Cause, place: number, all: readonly Cause[]): boolean {
  return all.findIndex((other) => other.code === code && other.cause === cause) === place;
}

function notesOf(
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
    ...operations.filter(({ hosts }) => hosts === 0).map(({ name }) => `no worker host can run ${name}`),
    ...(versions.size > 1
      ? [`the worker hosts have different versions: ${[...versions].sort().join(', ')}`]
      : []),
    ...(version !== undefined && versions.size === 1 && !versions.has(version)
      ? [`the edge has version ${version}, the worker hosts have ${[...versions].join('')}`]
      : []),
  ];
}
