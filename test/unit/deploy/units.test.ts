import { globSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { EXIT } from '../../../cli/exit-code.ts';
import { findOnPath, runCommand } from '../../../dev/machine/command.ts';
import { hostEnvironment } from '../../../dev/machine/environment.ts';
import { scratchFolder } from '../../support/cleanup.ts';

const DEPLOY = fileURLToPath(new URL('../../../deploy/', import.meta.url));
const UNITS = globSync('**/*.service', { cwd: DEPLOY });

/** The unit with programs that are on this machine: systemd checks that they exist. */
function onThisMachine(unit: string): string {
  return unit.replace(/^(ExecStart|ExecStartPre|ExecReload)=\S+/gm, '$1=/bin/true');
}

async function findingsIn(unit: string): Promise<string> {
  const file = path.join(await scratchFolder(), 'checked.service');
  await writeFile(file, unit);
  const args = ['verify', '--man=no', '--recursive-errors=no', file];
  return await runCommand('systemd-analyze', args, { timeoutMs: 60_000 }).then(
    () => '',
    (error: Error) => error.message,
  );
}

describe.each(UNITS)('deploy/%s', (name) => {
  it('is a unit without a finding, as systemd-analyze verify says', async ({ skip }) => {
    const { PATH } = hostEnvironment();
    if ((await findOnPath('systemd-analyze', PATH)) === undefined)
      skip('systemd-analyze is not on this machine');
    const unit = await readFile(path.join(DEPLOY, name), 'utf8');
    expect(await findingsIn(onThisMachine(unit))).toBe('');
    expect(await findingsIn(onThisMachine(unit).replace('Type=exec', 'Type=exactly'))).toContain(
      'service type',
    );
  });

  it('reads the env file that README.md names, and no secret stands in it', async () => {
    const unit = await readFile(path.join(DEPLOY, name), 'utf8');
    expect(unit).toMatch(/^EnvironmentFile=\/etc\/throughline\/(nats|worker)\.env$/m);
    expect(unit).not.toMatch(/PASSWORD|SECRET/);
  });
});

it('the worker is started again after every exit except one with the code for a wrong setting', async () => {
  const unit = await readFile(path.join(DEPLOY, 'worker/throughline-worker.service'), 'utf8');
  expect(unit).toMatch(new RegExp(`^RestartPreventExitStatus=${EXIT.settings.code}$`, 'm'));
  expect(unit).toMatch(/^Restart=always$/m);
});

it('everything that starts a worker gives it the same time to stop', async () => {
  const root = path.join(DEPLOY, '..');
  const files = [
    ...globSync('deploy/{worker,kubernetes}/*', { cwd: root }),
    ...globSync('create/template/{Dockerfile,compose.yaml,deploy/*}', { cwd: root }),
    'deploy/compose/compose.yaml',
  ];
  const texts = await Promise.all(files.map((file) => readFile(path.join(root, file), 'utf8')));
  const times = texts.flatMap((text) => [
    ...text.matchAll(
      /(?:--stop-timeout|stop_grace_period:|terminationGracePeriodSeconds:|TimeoutStopSec=) ?(\d+)s?\b/g,
    ),
  ]);
  expect(times.length).toBeGreaterThan(7);
  expect(times.map(([, seconds]) => seconds)).toEqual(times.map(() => '60'));
});
