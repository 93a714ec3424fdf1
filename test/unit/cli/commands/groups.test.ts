import { expect, it } from 'vitest';
import { runHere } from '../../../support/cli/in-process.ts';

it.each([
  ['a name that is no token', ['groups', 'move', 'a.b', 'c'], 'A group is 1 to 64 letters'],
  ['one name only', ['groups', 'move', 'a'], 'missing required argument'],
  ['no name', ['groups', 'remove'], 'missing required argument'],
])('groups refuses %s', async (_what, args, sentence) => {
  const { code, stderr } = await runHere(args);
  expect(code).toBe(2);
  expect(stderr).toContain(sentence);
});

it('groups permissions prints the configuration of a user of one group', async () => {
  const { code, stdout } = await runHere(['groups', 'permissions', 'image-hosts', 'image.>']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^IMAGE_HOSTS_PERMISSIONS \{\n {2}publish \{\n {4}allow: \[\n {6}"events/);
  expect(stdout).toContain('"dead.*.*.image.>"');
  const refused = await runHere(['groups', 'permissions', 'images', 'Image']);
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.stderr).toContain('must be an operation, a prefix such as image.*');
});

it('groups list warns of a setting that nobody reads', async () => {
  const { stderr } = await runHere(['groups', 'list'], {
    environment: { NATS_URL: 'nats://127.0.0.1:1', NATS_PASWORD: 'canary' },
  });
  expect(stderr).toContain('NATS_PASWORD is not a setting of the worker, so it changes nothing');
  expect(stderr).not.toContain('canary');
});
