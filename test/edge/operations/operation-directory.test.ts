import { expect, it, vi } from 'vitest';
import type { BrokerSession } from '../../../edge/nats/broker-session.ts';
import { OperationDirectory } from '../../../edge/operations/operation-directory.ts';
import { SavedOperations } from '../../../edge/operations/saved-operations.ts';
import type { Logger } from '../../../edge/telemetry/log.ts';
import { openSql } from '../../support/sqlite.ts';

/** A session whose bucket is empty, with a count of the watches over it. */
function sessionOf({ isClosed = false } = {}) {
  const watchOperations = vi.fn(async () => undefined);
  const session = { isClosed, watchOperations } as unknown as BrokerSession;
  return { session, watchOperations };
}

function setup(): OperationDirectory {
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() } satisfies Logger;
  return new OperationDirectory(new SavedOperations(openSql() as never), log);
}

it('one watch serves all calls over a session', async () => {
  const directory = setup();
  const { session, watchOperations } = sessionOf();
  await Promise.all([directory.list(session), directory.list(session)]);
  expect(watchOperations).toHaveBeenCalledTimes(1);
});

it('the next session gets a watch of its own, and calls that still hold the closed one use it', async () => {
  const directory = setup();
  const [first, next, closed] = [sessionOf(), sessionOf(), sessionOf({ isClosed: true })];
  await directory.list(first.session);
  await directory.list(next.session);
  await directory.list(closed.session);
  expect(next.watchOperations).toHaveBeenCalledTimes(1);
  expect(closed.watchOperations).not.toHaveBeenCalled();
});
