import { describe, expect, it } from 'vitest';
import { Host } from '../../../cli/host.ts';
import { createProgram } from '../../../cli/program.ts';
import { callHere } from '../../support/cli/in-process.ts';
import { answer, nowhere, serve } from '../../support/cli/servers.ts';

/** Each command that calls the API, with what it needs. */
const CALLS = [
  'submit echo 1',
  'submit echo 1 --wait',
  'submit echo 1 --follow',
  'submit --batch -',
  'get job-1',
  'list',
  'list --all',
  'list --watch',
  'list --state failed,running',
  'watch job-1',
  'watch job-1 --events',
  'cancel job-1',
  'cancel job-1 --wait',
  'cancel --all --yes',
  'logs job-1',
  'trace job-1',
  'verify',
  'dead-letters list',
  'dead-letters show job-1',
  'dead-letters redrive job-1',
  'dead-letters redrive --all --yes',
  'dead-letters redrive job-1 --edit',
  'outbox list',
  'outbox retry x',
  'outbox remove x',
  'schedules list',
  'schedules show n',
  'schedules put n --every 1h echo 1',
  'schedules delete n',
  'schedules trigger n',
  'schedules pause n',
  'schedules resume n',
  'usage',
  'operations',
  'types --out types.ts',
  'status',
  'doctor',
  'doctor job-1',
];
/** They print what is wrong as their result. */
const REPORTS = ['status', 'doctor'];

/** Runs each command at an address. @returns the words of each that did not end as it must */
async function faultsAt(url: string, sentence: RegExp): Promise<string[]> {
  const environment = { THROUGHLINE_TRACES_URL: url, THROUGHLINE_LOGS_URL: `${url}/{jobId}`, EDITOR: 'true' };
  const stdin = '{"operation":"echo","input":1}\n';
  const faults: string[] = [];
  for (const call of CALLS) {
    const { code, stdout, stderr } = await callHere({ url }, call.split(' '), { environment, stdin });
    const isReport = REPORTS.some((name) => call.startsWith(name));
    const isRight = isReport ? code === 1 && stderr === '' : code === 3 && stdout === '';
    if (!isRight || !sentence.test(stdout + stderr)) faults.push(`${call}: ${code} ${stdout}${stderr}`);
  }
  return faults;
}

describe('each command that calls the API ends with a sentence and its exit code', () => {
  it('if nobody listens at the address', async () => {
    expect(await faultsAt(await nowhere(), /cannot reach the [\w ]+ at \S+: connection refused/)).toEqual([]);
  });

  it('if a gateway answers with a page of its own', async () => {
    const { url } = await serve(() => answer(502, '<html>bad gateway</html>'));
    expect(await faultsAt(url, /HTTP status 502/)).toEqual([]);
  });

  it('and none is left out', async () => {
    const host = new Host({ environment: {} } as ConstructorParameters<typeof Host>[0]);
    const local = ['init', 'worker', 'workers', 'pause', 'resume', 'setup', 'groups', 'keys', 'callbacks'];
    const { commands } = await createProgram(host);
    const names = commands.map((command) => command.name());
    const others = [...local, 'config', 'completion', 'man', 'dev', 'help', 'broker-spans', 'conformance'];
    expect(
      names.filter((name) => !others.includes(name) && !CALLS.some((call) => call.split(' ')[0] === name)),
    ).toEqual([]);
  });
});
