import manifest from '../../package.json' with { type: 'json' };
import { escapeControls } from '../../shared/text/terminal/escape-controls.ts';
import type { NatsReport } from '../../worker-node/broker/operate/nats-report.ts';
import { counted, countText } from '../text/counted.ts';
import { type Fact, factsText } from '../text/facts.ts';
import type { Paint } from '../text/terminal.ts';
import type { Cause } from './cause.ts';
import { clockText, isClockWrong } from './clock-text.ts';
import type { EdgeReport } from './edge-report.ts';
import type { SystemReport } from './system-report.ts';

/** The state of the system on one screen. */
export function statusText(report: SystemReport, paint: Paint): string {
  const { edge, nats, notes, unasked, wrong } = report;
  const facts: Fact[] = [
    ...edgeFacts(edge),
    ...natsFacts(nats),
    ['dead', deadText(edge, nats)],
    ['clock', clocksText(edge, nats)],
    ['versions', versionsText(edge, nats)],
    ...notes.map((note): Fact => ['note', note]),
    ...unasked.map(({ part, why }): Fact => ['not asked', `${part}: ${why}`]),
  ];
  const safe = facts.map(([label, text]): Fact => [label, text && escapeControls(text)]);
  const well =
    edge.unasked.length === 0
      ? paint.green('all is well')
      : paint.yellow('nothing is wrong in what could be asked');
  const verdict = wrong.length === 0 ? well : wrong.map((one) => causeText(one, paint)).join('\n');
  return `${factsText(safe, paint)}\n\n${verdict}`;
}

/** What is wrong, with evidence and advice. */
export function causeText({ code, cause, evidence, advice }: Cause, paint: Paint): string {
  return [
    `${paint.red(escapeControls(cause))} (${code})`,
    ...evidence.map((fact) => `  ${escapeControls(fact)}`),
    ...(advice === '' ? [] : [`  ${paint.bold('do:')} ${escapeControls(advice)}`]),
  ].join('\n');
}

function edgeFacts({ url, reached, ready, bridges, operations }: EdgeReport): Fact[] {
  const state = !reached ? 'does not answer' : ready ? 'ready' : 'not ready';
  const served = operations?.filter(({ hosts }) => hosts !== 0).length;
  return [
    ['edge', `${url}, ${state}`],
    ...(bridges ?? []).map(({ bridge, state: connection, roundTripMs, outbox }): Fact => {
      const trip =
        roundTripMs === undefined ? 'NATS does not answer' : `${Math.round(roundTripMs)} ms to NATS`;
      const waiting = `outbox ${outbox.pending} pending, ${outbox.rejected} rejected`;
      return ['bridge', `${bridge}: ${connection}, ${trip}, ${waiting}`];
    }),
    ['operations', operations && `${operations.length}, ${served} of them served`],
    ['hosts', hostsText(bridges)],
  ];
}

function hostsText(bridges: EdgeReport['bridges']): string | undefined {
  const known = bridges?.flatMap(({ workerHosts }) => workerHosts ?? []);
  return known === undefined || known.length === 0 ? undefined : `${Math.max(...known)} alive`;
}

function natsFacts(nats: NatsReport | undefined): Fact[] {
  if (nats === undefined) return [];
  return [
    ...nats.streams.map(({ name, exists, messages, bytes, maxBytes }): Fact => {
      const room = maxBytes === undefined ? ', no cap' : ` of ${bytesText(maxBytes)}`;
      return [
        'stream',
        exists
          ? `${name.padEnd(13)} ${counted(messages, 'message')}, ${bytesText(bytes)}${room}`
          : `${name} is missing`,
      ];
    }),
    ...nats.groups.map(({ name, operations, waiting, unsettled, hosts }): Fact => {
      const who = hosts.length === 0 ? 'no host' : firstOf(hosts, ' ');
      return ['group', `${name} ${operations.join(' ')}: ${waiting} waiting, ${unsettled} under way, ${who}`];
    }),
  ];
}

function deadText({ deadLetters }: EdgeReport, nats: NatsReport | undefined): string | undefined {
  const all = nats?.streams.find(({ name }) => name === 'DEAD')?.messages;
  if (all !== undefined) return `${counted(all, 'dead letter')} of all tenants`;
  return deadLetters && `${countText(deadLetters, 'dead letter')} of this tenant`;
}

function clocksText({ clockAheadMs }: EdgeReport, nats: NatsReport | undefined): string | undefined {
  if (nats === undefined && clockAheadMs === undefined) return undefined;
  const own = `this machine ${clockText(nats?.clockAheadMs ?? clockAheadMs)}`;
  const isOff = ({ clockAheadMs: ahead }: { readonly clockAheadMs?: number }): boolean => isClockWrong(ahead);
  // Those that are off come first, because not all of them may be shown.
  const hosts = (nats?.hosts ?? []).toSorted((a, b) => Number(isOff(b)) - Number(isOff(a)));
  const clocks = hosts.map(({ host, clockAheadMs: ahead }) => `${host} ${clockText(ahead)}`);
  return clocks.length === 0 ? own : `${own}, ${firstOf(clocks, ', ')}`;
}

/** More than this do not fit on one screen. `throughline workers` lists all hosts. */
const SHOWN = 8;

function firstOf(texts: readonly string[], by: string): string {
  const more = texts.length - SHOWN;
  return more <= 0 ? texts.join(by) : `${texts.slice(0, SHOWN).join(by)} and ${more} more`;
}

function versionsText({ version }: EdgeReport, nats: NatsReport | undefined): string {
  const hosts = [...new Set(nats?.hosts.map((host) => host.version))].join(' ');
  return [
    `this program ${manifest.version}`,
    ...(version === undefined ? [] : [`edge ${version}`]),
    ...(nats === undefined ? [] : [`nats-server ${nats.server.version}`, `workers ${hosts || 'none'}`]),
  ].join(', ');
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

function bytesText(bytes: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), UNITS.length - 1);
  const amount = bytes / 1024 ** power;
  return `${power === 0 ? amount : amount.toFixed(1)} ${UNITS[power]}`;
}
