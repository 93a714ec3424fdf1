import { createInbox } from '@nats-io/nats-core';
import { expect, it } from 'vitest';
import { nuid } from '../../../dev/edge/stand-ins/nuid.ts';

it('an id of the NATS client in the Worker is a token of a subject, and no other is the same', () => {
  const ids = Array.from({ length: 1_000 }, () => nuid.next());
  expect(new Set(ids).size).toBe(1_000);
  // As those that stand in the inboxes of the client itself.
  const token = /^[0-9A-Za-z]{22,32}$/;
  expect(createInbox().replace('_INBOX.', '')).toMatch(token);
  for (const id of ids) expect(id).toMatch(token);
});
