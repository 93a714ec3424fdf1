import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { ROOT } from '../support/deploy/runbook.ts';

const BACKUP = { state: { messages: 3, last_seq: 3, last_ts: '2026-01-01T00:00:00Z' } };
/** A stream whose messages are younger than the backup. */
const OTHER = { state: { messages: 2, first_seq: 1, first_ts: '2026-02-01T00:00:00Z', last_seq: 2 } };

let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'restore-script-'));
});
afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

/** Runs restore.sh beside a `nats` that always tells of {@link OTHER}. @returns what it prints as errors */
async function restore(folder: string): Promise<string> {
  const program = path.join(home, 'nats');
  await writeFile(program, `#!/bin/sh\necho '${JSON.stringify(OTHER)}'\n`);
  await chmod(program, 0o755);
  const environment = hostEnvironment();
  const env = { ...environment, PATH: `${home}:${environment.PATH}` };
  return await new Promise((resolve) =>
    execFile(path.join(ROOT, 'deploy/nats/restore.sh'), [folder], { env }, (_error, _out, errors) =>
      resolve(errors),
    ),
  );
}

it('a slash at the end of the folder does not put what is set aside into the backup, and blanks stay one word', async () => {
  const folder = path.join(home, 'my backups');
  await mkdir(path.join(folder, 'JOBS'), { recursive: true });
  await writeFile(path.join(folder, 'JOBS/backup.json'), JSON.stringify(BACKUP));
  const word = folder.replace(' ', '\\ ');
  const said = await restore(`${folder}/`);
  expect(said).toContain(`mv ${word}/JOBS ${word}-JOBS\n`);
  expect(said).toContain(`nats backup stream --consumers JOBS ${word}-JOBS && nats stream rm --force JOBS\n`);
});
