import { expect, it } from 'vitest';
import { jobCauses } from '../../../../cli/operate/job-causes.ts';
import type { SystemReport } from '../../../../cli/operate/system-report.ts';
import type { Pause } from '../../../../shared/api/pause.ts';
import { JOB } from '../../../support/cli/servers.ts';

const PAUSE = { by: 'ops', since: '2026-01-01T00:00:00.000Z' } as Pause;

/** The codes of why a job waits, by what NATS says about pauses. */
function codesOf(operation: string, paused: Readonly<Record<string, Pause>>): string[] {
  const edge = {
    url: 'http://edge.test',
    reached: true,
    ready: true,
    isKeyInvalid: false,
    unasked: [],
    queued: [],
  };
  const nats = {
    server: { version: '2', clustered: false },
    streams: [],
    operations: [],
    hosts: [],
    groups: [],
  };
  const system: SystemReport = {
    ok: true,
    wrong: [],
    notes: [],
    edge,
    nats: { ...nats, paused },
    unasked: [],
  };
  const job = { ...JOB, operation };
  return jobCauses({ job, program: 'throughline', outboxItem: undefined, callback: undefined }, system).map(
    ({ code }) => code,
  );
}

it.each(['greet', 'constructor', 'valueof'])(
  'a job of %s waits for a pause only if there is one',
  (operation) => {
    expect(codesOf(operation, {})).not.toContain('paused');
    expect(codesOf(operation, { [operation]: PAUSE })).toContain('paused');
  },
);
