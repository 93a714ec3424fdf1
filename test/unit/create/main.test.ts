import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';

function create(...args: string[]) {
  return spawnSync(process.execPath, ['create/main.ts', ...args], { encoding: 'utf8' });
}

it.each([
  ['--bogus', "Unknown option '--bogus'"],
  ['--worker=ruby', '--worker ruby is not known; it may be python'],
  ['two', 'one folder is needed, and these are 2: one, two'],
  ['--packages', "Option '--packages <value>' argument missing"],
])('npm create with %s says what is wrong, and how it is used', (argument, why) => {
  const { status, stderr } = create('one', argument);
  expect(status).toBe(2);
  expect(stderr).toContain(`error: ${why}; usage: npm create throughline <folder>`);
});

it.skipIf(!existsSync('/dev/full'))('npm create says in words that its output cannot be written', () => {
  const command = `"${process.execPath}" create/main.ts --help > /dev/full`;
  const { status, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({
    status: 74,
    stderr: 'error: the output cannot be written: the disk is full\n',
  });
});
