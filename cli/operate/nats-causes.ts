import { shellCommand } from '../../shared/text/terminal/shell-command.ts';
import type { WorkerGroup } from '../../worker-node/broker/groups/worker-groups.ts';
import type { NatsReport } from '../../worker-node/broker/operate/nats-report.ts';
import { counted, waiting as waitingWords } from '../text/counted.ts';
import type { Cause } from './cause.ts';
import { isClockWrong } from './clock-text.ts';
import { roomCauses, wrongClock } from './edge-causes.ts';

/** What is wrong, as far as NATS can tell. */
export function natsCauses(report: NatsReport): Cause[] {
  return [...streamCauses(report), ...groupCauses(report), ...clockCauses(report)];
}

function streamCauses({ streams }: NatsReport): Cause[] {
  const missing = streams.filter(({ exists }) => !exists).map(({ name }) => name);
  const gone: Cause = {
    code: 'stream-missing',
    cause: 'NATS does not have all streams',
    evidence: missing.map((name) => `${name} is missing`),
    advice: 'run `throughline setup`',
  };
  return [
    ...(missing.length > 0 ? [gone] : []),
    ...streams.flatMap((stream) => roomCauses(stream.name, stream)),
  ];
}

function groupCauses({ groups }: NatsReport): Cause[] {
  return groups.flatMap((group) => [...pauseCauses(group), ...(group.waiting > 0 ? groupCause(group) : [])]);
}

/** Somebody paused consumers of a group with a tool of NATS. */
function pauseCauses({ name, paused = [] }: WorkerGroup): Cause[] {
  const [first] = paused;
  if (first === undefined) return [];
  return [
    {
      code: 'consumer-paused',
      cause: `somebody paused ${counted(paused.length, 'consumer')} of the worker group ${name}: NATS delivers no job from there`,
      evidence: paused.map(({ consumer, until }) => `consumer ${consumer} of JOBS: paused until ${until}`),
      advice: `wait until then, or end the pause of each: ${shellCommand('nats consumer resume JOBS', first.consumer)}`,
    },
  ];
}

function groupCause({ name, waiting, unsettled, hosts, pulls }: WorkerGroup): Cause[] {
  if (hosts.length === 0)
    return [
      {
        code: 'no-worker',
        cause: `${waitingWords(waiting, 'job')} for the worker group ${name}, which has no host that is alive`,
        evidence: [`group ${name}: ${waiting} waiting, hosts: none`],
        advice: `start a worker with WORKER_GROUP=${name}, or give its jobs to another group: ${shellCommand('throughline groups move', name)} <group>`,
      },
    ];
  if (pulls > 0 || unsettled > 0) return [];
  return [nobodyPulls(name, waiting, hosts)];
}

/** @param waiting how many jobs wait for the group */
function nobodyPulls(group: string, waiting: number, hosts: readonly string[]): Cause {
  return {
    code: 'nobody-pulls',
    cause: `the hosts of the worker group ${group} are alive, but ask NATS for no job`,
    evidence: [
      `group ${group}: ${waiting} waiting, none under way, no open request for jobs, hosts: ${hosts.join(' ')}`,
    ],
    advice:
      'look at /readyz and the log of a host. A missing permission is the usual reason: run `throughline setup --check --as worker` with the NATS user of the workers',
  };
}

function clockCauses({ clockAheadMs, hosts }: NatsReport): Cause[] {
  const own = isClockWrong(clockAheadMs) ? [wrongClock('this machine', 'NATS', clockAheadMs)] : [];
  const others = hosts.flatMap(({ host, clockAheadMs: ahead }) =>
    isClockWrong(ahead) ? [wrongClock(`the worker host ${host}`, 'NATS', ahead)] : [],
  );
  return [...own, ...others];
}
