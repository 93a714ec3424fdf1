import { expect, it, onTestFinished, vi } from 'vitest';
import { listDeadLetters } from '../../../edge/jobs/dead-letters.ts';
import { MemoryBroker } from '../support/memory-broker.ts';
import { deadLetter, stored } from './stored-letters.ts';

const command = {
  tenant: 'acme',
  operation: undefined,
  tags: [],
  limit: 100,
  from: 1,
  carrier: {},
};
const idsOf = (page: { readonly deadLetters: readonly { readonly id: string }[] }): string[] =>
  page.deadLetters.map(({ id }) => id);
const ids = (count: number): string[] => Array.from({ length: count }, (_, n) => `job-${n + 1}`);

/** A broker with dead letters of `acme`, each followed by one of another tenant. */
function brokerWith(count: number): MemoryBroker {
  const broker = new MemoryBroker();
  const letters = ids(count).flatMap((id, n) => [
    deadLetter(2 * n + 1, {}, id),
    stored(`dead.globex.${id}.echo`, 2 * n + 2, {}),
  ]);
  broker.store('DEAD', ...letters);
  return broker;
}

it('a page of any length costs one request, and one for where the dead letters end', async () => {
  const broker = brokerWith(100);
  const page = await listDeadLetters(broker, command);
  expect(page).toEqual({ deadLetters: expect.any(Array) });
  expect(idsOf(page)).toEqual(ids(100));
  expect([broker.calls('page'), broker.calls('lastMessage'), broker.calls('nextMessage')]).toEqual([1, 1, 0]);
});

it('the cursor of a page leads to the next dead letter', async () => {
  const broker = brokerWith(3);
  const page = await listDeadLetters(broker, { ...command, limit: 2 });
  expect([idsOf(page), page.cursor]).toEqual([['job-1', 'job-2'], '5']);
  const rest = await listDeadLetters(broker, { ...command, limit: 2, from: 5 });
  expect([idsOf(rest), rest.cursor]).toEqual([['job-3'], undefined]);
});

it('dead letters with a tag are found after many without it', async () => {
  const broker = new MemoryBroker();
  const letters = ids(250).map((id, n) =>
    deadLetter(n + 1, n === 249 ? { 'throughline-tags': 'a' } : {}, id),
  );
  broker.store('DEAD', ...letters);
  const page = await listDeadLetters(broker, { ...command, tags: ['a'], limit: 1 });
  expect([idsOf(page), page.cursor]).toEqual([['job-250'], undefined]);
  expect(broker.calls('page')).toBe(3);
});

it('large dead letters are read in several pages, so that few of their bodies are held at a time', async () => {
  const broker = new MemoryBroker();
  const body = new Uint8Array(600 * 1024);
  broker.store('DEAD', ...ids(3).map((id, n) => stored(`dead.acme.${id}.echo`, n + 1, {}, body)));
  expect(idsOf(await listDeadLetters(broker, command))).toEqual(ids(3));
  expect(broker.calls('page')).toBe(3);
});

it('without the permission to read pages, they are read one by one', async () => {
  const broker = brokerWith(25);
  broker.fail('page');
  expect(idsOf(await listDeadLetters(broker, command))).toEqual(ids(25));
  const page = await listDeadLetters(broker, { ...command, limit: 20 });
  expect([idsOf(page), page.cursor]).toEqual([ids(20), '41']);
});

it('what a replica does not have yet is asked of the leader', async () => {
  const broker = brokerWith(3);
  broker.pageLimit = 1;
  expect(idsOf(await listDeadLetters(broker, command))).toEqual(ids(3));
  expect(broker.calls('page')).toBe(1);
});

it('what a replica still has, but the leader has not, is left out', async () => {
  const broker = brokerWith(3);
  broker.mayLag = true;
  broker.before('nextMessage', () => void broker.deleteUpTo('DEAD', 'dead.acme.job-2.*', 10));
  expect(idsOf(await listDeadLetters(broker, command))).toEqual(['job-1', 'job-3']);
});

it('a list fails if NATS does not answer, and does not end as if there were none', async () => {
  const broker = brokerWith(3);
  broker.fail('lastMessage');
  await expect(listDeadLetters(broker, command)).rejects.toMatchObject({ code: 'broker-unavailable' });
  broker.before('lastMessage', () => undefined);
  broker.fail('page');
  broker.fail('nextMessage');
  await expect(listDeadLetters(broker, command)).rejects.toMatchObject({ code: 'broker-unavailable' });
});

it('a list that takes too long ends early, with a cursor', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const broker = brokerWith(25);
  broker.fail('page');
  broker.before('nextMessage', () => vi.setSystemTime(Date.now() + 300));
  const page = await listDeadLetters(broker, command);
  expect([idsOf(page), page.cursor]).toEqual([ids(10), '20']);
});
