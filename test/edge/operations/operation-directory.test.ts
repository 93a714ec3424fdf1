import { expect, it, vi } from 'vitest';
import { OperationDirectory } from '../../../edge/operations/operation-directory.ts';
import { SavedOperations } from '../../../edge/operations/saved-operations.ts';
import type { Logger } from '../../../edge/telemetry/log.ts';
import { MemoryBroker } from '../support/memory-broker.ts';
import { openSql } from '../support/memory-sql.ts';

function setup(): OperationDirectory {
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() } satisfies Logger;
  return new OperationDirectory(new SavedOperations(openSql()), log);
}

it('one watch serves all calls over a session', async () => {
  const directory = setup();
  const session = new MemoryBroker();
  await Promise.all([directory.list(session), directory.list(session)]);
  expect(session.calls('watchBucket')).toBe(1);
});

it('the next session gets a watch of its own, and calls that still hold the closed one use it', async () => {
  const directory = setup();
  const first = new MemoryBroker();
  const next = new MemoryBroker();
  const closed = new MemoryBroker();
  closed.close();
  await directory.list(first);
  await directory.list(next);
  await directory.list(closed);
  expect(next.calls('watchBucket')).toBe(1);
  expect(closed.calls('watchBucket')).toBe(0);
});
