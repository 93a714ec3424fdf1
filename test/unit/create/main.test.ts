import { spawnSync } from 'node:child_process';
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
