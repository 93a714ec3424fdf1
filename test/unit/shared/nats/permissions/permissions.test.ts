import { readFileSync } from 'node:fs';
import { PermissionViolationError } from '@nats-io/nats-core';
import { describe, expect, it } from 'vitest';
import { Denials } from '../../../../../shared/nats/permissions/denials.ts';
import { EDGE_PERMISSIONS } from '../../../../../shared/nats/permissions/edge.ts';
import {
  type Action,
  missingPermissions,
  type Permission,
} from '../../../../../shared/nats/permissions/permission.ts';
import { SETUP_PERMISSIONS } from '../../../../../shared/nats/permissions/setup.ts';
import { WORKER_PERMISSIONS } from '../../../../../shared/nats/permissions/worker.ts';

const CONF = readFileSync(new URL('../../../../../deploy/nats/permissions.conf', import.meta.url), 'utf8');
const TABLES = [
  ['EDGE', EDGE_PERMISSIONS],
  ['WORKER', WORKER_PERMISSIONS],
  ['SETUP', SETUP_PERMISSIONS],
] as const;

/** The subjects of one list in permissions.conf. */
function shipped(side: string, action: Action): string[] {
  const [, block = ''] = CONF.split(`${side}_PERMISSIONS {`);
  const [, list = ''] = new RegExp(`${action} \\{\\s*allow: \\[([^\\]]*)\\]`).exec(block) ?? [];
  const lines = list.split('\n').filter((line) => !line.trim().startsWith('#'));
  return [...lines.join('\n').matchAll(/"([^"]+)"/g)].map(([, subject = '']) => subject);
}

const subjectsOf = (table: readonly Permission[], action: Action): string[] =>
  table.filter((permission) => permission.action === action).map(({ subject }) => subject);

describe.each(TABLES)('the permissions of %s', (side, table) => {
  it.each(['publish', 'subscribe'] as const)('to %s are those that are shipped', (action) => {
    expect(subjectsOf(table, action).sort()).toEqual(shipped(side, action).sort());
  });

  it.each(table)('$action $subject is missed when it is not in the list', (permission) => {
    const list = (action: Action) => ({
      allow: shipped(side, action).filter(
        (one) => permission.action !== action || one !== permission.subject,
      ),
    });
    const user = { data: { permissions: { publish: list('publish'), subscribe: list('subscribe') } } };
    expect(missingPermissions(table, user)).toEqual([permission]);
  });
});

describe('what a user is missing', () => {
  const missing = (publish: { allow?: string[]; deny?: string[] }): string[] =>
    missingPermissions(WORKER_PERMISSIONS, { data: { permissions: { publish } } }).map(
      ({ subject }) => subject,
    );

  it('is nothing without permissions, and with wider ones', () => {
    expect(missingPermissions(WORKER_PERMISSIONS, {})).toEqual([]);
    expect(missing({ allow: ['>'] })).toEqual([]);
    expect(missing({ allow: ['*.>', '$KV.>', '*'] })).toEqual([]);
  });

  it('is not what it has in part', () => {
    expect(missing({ allow: ['>'], deny: ['events.acme.>'] })).toEqual([]);
    expect(missing({ allow: ['events.acme.*', '$*.>', '$JS.>', 'dead.>', 'callbacks.>'] })).not.toContain(
      'events.*.*',
    );
  });

  it('is what is denied', () => {
    expect(missing({ allow: ['>'], deny: ['$JS.ACK.>'] })).toHaveLength(4);
    expect(missing({ deny: ['dead.>'] })).toEqual(['dead.*.*.>']);
  });
});

const refusal = (subject: string) => new PermissionViolationError('refused', 'publish', subject);

it('a refusal names the permission that is missing, once', () => {
  const said: string[] = [];
  const denials = new Denials(WORKER_PERMISSIONS, (sentence) => void said.push(sentence));
  for (const sequence of [1, 2, 3]) denials.take(refusal(`$JS.ACK.JOBS.workers.1.${sequence}.1.1.0`));
  denials.take(refusal('foreign.subject'));
  expect(said).toEqual([
    'NATS does not let this user publish on $JS.ACK.JOBS.*.*.*.*.*.*: jobs cannot be acknowledged, and are delivered again and again',
  ]);
  expect(denials.problems).toEqual(said);
  expect(denials.violations).toBe(4);
  denials.clear();
  expect(denials.problems).toEqual([]);
});

it('a refusal is known also if the client of NATS comes from another copy of its package', () => {
  class PermissionViolationError extends Error {
    override readonly name = 'PermissionViolationError';
    readonly operation = 'subscription';
    readonly subject = 'cancel.>';
  }
  const denials = new Denials(WORKER_PERMISSIONS, () => undefined);
  denials.take(new PermissionViolationError('refused'));
  expect([...denials.problems, ...denials.warnings]).toEqual([expect.stringContaining('cancel.>')]);
});

it('a limit of subscriptions is told once, is no permission, and stays until the connection is a new one', () => {
  const said: unknown[] = [];
  const denials = new Denials(WORKER_PERMISSIONS, (...told) => void said.push(told));
  for (const _ of [1, 2]) denials.take(new Error("'maximum subscriptions exceeded'"));
  denials.take(new Error('slow consumer'));
  expect(denials.update({})).toBe(false);
  expect(said).toEqual([[denials.limit, undefined]]);
  expect(denials.limit).toContain('maximum subscriptions exceeded');
  expect([...denials.problems, ...denials.warnings]).toEqual([]);
  denials.clear();
  expect(denials.limit).toBeUndefined();
});
