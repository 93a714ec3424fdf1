import { expect, it } from 'vitest';
import { groupPermissions } from '../../../../../shared/nats/permissions/group.ts';
import { missingPermissions, type Permission } from '../../../../../shared/nats/permissions/permission.ts';
import { neededByWorker, WORKER_PERMISSIONS } from '../../../../../shared/nats/permissions/worker.ts';
import { ROUTES } from '../../../../../shared/wire/lanes.ts';
import { subjectMatches } from '../../../../../shared/wire/subjects.ts';

const subjectsOf = (permissions: readonly Permission[], action: Permission['action']): string[] =>
  permissions.filter((permission) => permission.action === action).map(({ subject }) => subject);

const images = groupPermissions('images', ['image.>']);
const publish = subjectsOf(images, 'publish');

it('the permissions of a group name its consumers, and no others', () => {
  const pulls = publish.filter((subject) => subject.includes('MSG.NEXT.JOBS'));
  expect(pulls).toHaveLength(ROUTES.length);
  expect(pulls).toContain('$JS.API.CONSUMER.MSG.NEXT.JOBS.images-normal-o7');
  const create = '$JS.API.CONSUMER.CREATE.JOBS.images-low-b1.jobs.low.b1.*.*.image.>';
  expect(publish).toContain(create);
  expect(publish.filter((subject) => subject.includes('JOBS.*'))).toEqual([]);
});

it('the permissions of a group name the consumers of its own lanes', () => {
  const own = subjectsOf(groupPermissions('images', ['image.>'], ['acme']), 'publish');
  expect(own).toContain('$JS.API.CONSUMER.MSG.NEXT.JOBS.images-low-own-acme');
  expect(own).toContain('$JS.API.CONSUMER.CREATE.JOBS.images-low-own-acme.jobs.low.own.acme.*.image.>');
});

it('the permissions of a group with several filters let it make its own consumers, and hold each filter elsewhere', () => {
  const several = subjectsOf(groupPermissions('images', ['image.>', 'mail.send']), 'publish');
  const creates = several.filter((subject) => subject.includes('CREATE.JOBS'));
  expect(creates).toHaveLength(ROUTES.length);
  expect(creates).toContain('$JS.API.CONSUMER.CREATE.JOBS.images-low-b1');
  for (const bucket of ['dead.*.*', '$KV.OPERATIONS', '$KV.LIMITS.*.*'])
    expect(several.filter((subject) => subject.startsWith(`${bucket}.`))).toEqual([
      `${bucket}.image.>`,
      `${bucket}.mail.send`,
    ]);
});

it('the permissions of a group lie within those of all workers', () => {
  for (const action of ['publish', 'subscribe'] as const) {
    const all = subjectsOf(WORKER_PERMISSIONS, action);
    for (const subject of subjectsOf(images, action)) {
      const example = subject.replaceAll('*', 'x').replace('>', 'x');
      expect(all.filter((filter) => subjectMatches(filter, example))).not.toEqual([]);
    }
  }
});

it.each([[['image.>']], [['image.>', 'mail.send']]])(
  'a worker of %j that has them misses none',
  (operations) => {
    const own = groupPermissions('images', operations);
    const permissions = {
      publish: { allow: subjectsOf(own, 'publish') },
      subscribe: { allow: subjectsOf(own, 'subscribe') },
    };
    expect(missingPermissions(neededByWorker(operations), { data: { permissions } })).toEqual([]);
  },
);
