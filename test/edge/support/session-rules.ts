import { describe, expect, it } from 'vitest';
import type { BrokerSession } from '../../../edge/nats/broker-session.ts';
import type { BucketChange } from '../../../edge/nats/stored-message.ts';
import { OPERATIONS_BUCKET } from '../../../shared/nats/streams.ts';
import { HEADER } from '../../../shared/wire/headers.ts';
import { until } from '../../support/poll.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = ({ data }: { readonly data: Uint8Array }): string => new TextDecoder().decode(data);

/** A session, and what another client may do in the same NATS. */
export interface OpenSession {
  readonly session: BrokerSession;
  /** Sets a key of the `OPERATIONS` bucket, or deletes it (undefined). */
  readonly announce: (key: string, value: Uint8Array | undefined) => Promise<void>;
}

let jobs = 0;

/** Says what the edge may expect of a connection to NATS. @param open gives the same session at each call */
export function sessionRules(open: () => OpenSession): void {
  const send = (
    subject: string,
    text: string,
    messageId?: string,
  ): Promise<{ readonly duplicate: boolean }> =>
    open().session.publish(subject, (set) => messageId && set(HEADER.msgId, messageId), bytes(text));
  const sendAfter = (last: number, subject: string, text: string, messageId?: string): Promise<boolean> =>
    open().session.publishAfter(
      last,
      subject,
      (set) => messageId && set(HEADER.msgId, messageId),
      bytes(text),
    );
  /** A subject of the stream EVENTS that no other test uses. */
  const newSubject = (): string => `events.rules.job-${++jobs}`;
  /** A subject with these messages. @returns with their sequences */
  const stored = async (...texts: readonly string[]): Promise<{ subject: string; sequences: number[] }> => {
    const subject = newSubject();
    const sequences: number[] = [];
    for (const text of texts) {
      await send(subject, text);
      sequences.push((await open().session.lastMessage('EVENTS', subject))?.sequence ?? 0);
    }
    return { subject, sequences };
  };

  describe('publish', () => {
    it('stores a message with its headers', async () => {
      const { session } = open();
      const subject = newSubject();
      const before = await session.extent('EVENTS');
      const outcome = await session.publish(subject, (set) => set('ce-id', 'a'), bytes('one'));
      expect(outcome).toEqual({ duplicate: false });
      const message = await session.lastMessage('EVENTS', subject);
      expect(message).toMatchObject({ subject, sequence: before.last + 1, data: bytes('one') });
      expect(message?.headers?.values('ce-id')).toEqual(['a']);
      expect(Math.abs(Date.now() - Number(message?.time))).toBeLessThan(10_000);
    });

    it('stores a message once whose Nats-Msg-Id the stream had before', async () => {
      const subject = newSubject();
      expect(await send(subject, 'one', `${subject}:1`)).toEqual({ duplicate: false });
      expect(await send(subject, 'two', `${subject}:1`)).toEqual({ duplicate: true });
      expect(await open().session.lastMessage('EVENTS', subject)).toMatchObject({ data: bytes('one') });
    });

    it('fails if no stream takes the subject', async () => {
      await expect(send('elsewhere.a', 'one')).rejects.toMatchObject({ code: 'broker-unavailable' });
    });
  });

  describe('publishAfter', () => {
    it('stores the first message of a subject after 0, and no second one', async () => {
      const subject = newSubject();
      expect(await sendAfter(0, subject, 'one')).toBe(true);
      expect(await sendAfter(0, subject, 'two')).toBe(false);
      expect(await open().session.lastMessage('EVENTS', subject)).toMatchObject({ data: bytes('one') });
    });

    it('stores a message only after the last one of its subject', async () => {
      const { subject, sequences } = await stored('one', 'two');
      const [first = 0, second = 0] = sequences;
      await stored('of another subject');
      expect(await sendAfter(first, subject, 'three')).toBe(false);
      expect(await sendAfter(second, subject, 'three')).toBe(true);
    });

    it('does not store a message whose Nats-Msg-Id the stream had before', async () => {
      const subject = newSubject();
      expect(await sendAfter(0, subject, 'one', `${subject}:1`)).toBe(true);
      const last = (await open().session.lastMessage('EVENTS', subject))?.sequence ?? 0;
      expect(await sendAfter(last, subject, 'two', `${subject}:1`)).toBe(false);
    });
  });

  describe('lastMessage', () => {
    it('gives the last message that a filter matches', async () => {
      const { subject } = await stored('one', 'two');
      expect(await open().session.lastMessage('EVENTS', subject)).toMatchObject({ data: bytes('two') });
      await send(`dead.rules.${subject.split('.')[2]}.image.small`, 'dead');
      const filter = `dead.rules.${subject.split('.')[2]}.>`;
      expect(await open().session.lastMessage('DEAD', filter)).toMatchObject({ data: bytes('dead') });
    });

    it('gives undefined if the stream holds none', async () => {
      expect(await open().session.lastMessage('EVENTS', newSubject())).toBeUndefined();
    });

    it('fails if the stream is missing, unless it may be', async () => {
      const { session } = open();
      await expect(session.lastMessage('MISSING', 'a')).rejects.toMatchObject({ code: 'broker-unavailable' });
      expect(await session.lastMessage('MISSING', 'a', true)).toBeUndefined();
    });
  });

  describe('nextMessage', () => {
    it('gives the first message at a sequence or after it', async () => {
      const { session } = open();
      const { subject, sequences } = await stored('one', 'two');
      const [first = 0, second = 0] = sequences;
      expect(await session.nextMessage('EVENTS', subject, 1)).toMatchObject({ sequence: first });
      expect(await session.nextMessage('EVENTS', subject, first)).toMatchObject({ sequence: first });
      expect(await session.nextMessage('EVENTS', subject, first + 1)).toMatchObject({ sequence: second });
      expect(await session.nextMessage('EVENTS', subject, second + 1)).toBeUndefined();
    });
  });

  describe('remove', () => {
    it('takes one message away', async () => {
      const { session } = open();
      const { subject, sequences } = await stored('one', 'two');
      await session.remove('EVENTS', sequences[1] ?? 0);
      expect(await session.lastMessage('EVENTS', subject)).toMatchObject({ data: bytes('one') });
    });
  });

  describe('deleteUpTo', () => {
    it('deletes the messages of a filter up to a sequence, and no others', async () => {
      const { session } = open();
      const one = await stored('one');
      const other = await stored('other');
      await send(one.subject, 'two');
      await session.deleteUpTo('EVENTS', one.subject, other.sequences[0] ?? 0);
      expect(await session.nextMessage('EVENTS', one.subject, 1)).toMatchObject({ data: bytes('two') });
      expect(await session.lastMessage('EVENTS', other.subject)).toMatchObject({ data: bytes('other') });
    });
  });

  describe('page', () => {
    const limits = { maxMessages: 10, maxBytes: 1_000_000 };

    it('gives the messages of a subject from a sequence on, in order', async () => {
      const { subject, sequences } = await stored('one', 'two', 'three');
      await stored('of another subject');
      const [, from = 0] = sequences;
      const { messages, more } = await open().session.page('EVENTS', { ...limits, subject, from });
      expect(messages.map(({ sequence, data }) => [sequence, textOf({ data })])).toEqual([
        [sequences[1], 'two'],
        [sequences[2], 'three'],
      ]);
      expect(more).toBe(false);
    });

    it('says that there is more than it may hold', async () => {
      const { subject, sequences } = await stored('one', 'two', 'three');
      const page = await open().session.page('EVENTS', { ...limits, subject, from: 1, maxMessages: 2 });
      expect(page).toMatchObject({ messages: [{ data: bytes('one') }, { data: bytes('two') }], more: true });
      const rest = { ...limits, subject, from: (sequences[1] ?? 0) + 1, maxMessages: 2 };
      expect(await open().session.page('EVENTS', rest)).toMatchObject({
        messages: [{ data: bytes('three') }],
        more: false,
      });
    });

    it('holds no more bytes than were asked for, but for one message', async () => {
      const { subject } = await stored('x'.repeat(2_000), 'x'.repeat(2_000), 'x'.repeat(2_000));
      const page = await open().session.page('EVENTS', { ...limits, subject, from: 1, maxBytes: 100 });
      expect(page).toMatchObject({ messages: { length: 1 }, more: true });
    });

    it('says where a message is stored, even if the message has headers that say otherwise', async () => {
      const { session } = open();
      const subject = newSubject();
      const lies = { 'Nats-Subject': 'events.other.job', 'Nats-Sequence': '1', 'Nats-Time-Stamp': 'never' };
      const writeLies = (set: (name: string, value: string) => void): void => {
        for (const [name, value] of Object.entries(lies)) set(name, value);
      };
      await session.publish(subject, writeLies, bytes('one'));
      const { messages } = await session.page('EVENTS', { ...limits, subject, from: 1 });
      const { headers: _, ...last } = (await session.lastMessage('EVENTS', subject)) ?? {};
      expect(messages).toMatchObject([last]);
    });

    it('gives the subject, the headers and the time of each message of a wildcard', async () => {
      const { session } = open();
      const a = newSubject();
      const b = newSubject();
      await session.publish(a, (set) => set('ce-id', 'a'), bytes('one'));
      await session.publish(b, (set) => set('ce-id', 'b'), bytes('two'));
      const from = (await session.lastMessage('EVENTS', a))?.sequence ?? 0;
      const { messages } = await session.page('EVENTS', { ...limits, subject: 'events.rules.*', from });
      expect(messages).toMatchObject([{ subject: a }, { subject: b }]);
      expect(messages.map(({ headers }) => headers?.values('ce-id'))).toEqual([['a'], ['b']]);
      for (const { time } of messages) expect(Math.abs(Date.now() - Number(time))).toBeLessThan(10_000);
    });

    it('is empty if there is nothing', async () => {
      const query = { ...limits, subject: newSubject(), from: 1 };
      expect(await open().session.page('EVENTS', query)).toEqual({ messages: [], more: false });
    });
  });

  describe('extent', () => {
    it('says between which sequences the stream holds something', async () => {
      const { session } = open();
      const { sequences } = await stored('one');
      const { first, firstMs, last, created } = await session.extent('EVENTS');
      expect(Math.abs(Date.now() - firstMs)).toBeLessThan(600_000);
      expect(first).toBeLessThanOrEqual(last);
      expect(last).toBe(sequences[0]);
      expect((await session.extent('EVENTS')).created).toBe(created);
    });

    it('says how many bytes the stream holds, and that it has no cap', async () => {
      const { session } = open();
      const before = await session.extent('DEAD');
      expect(before.cap).toBeUndefined();
      await send('dead.rules.job.echo', 'x'.repeat(1_000));
      expect((await session.extent('DEAD')).bytes - before.bytes).toBeGreaterThanOrEqual(1_000);
    });

    it('tells a stream that never held anything from one that is empty now', async () => {
      const { session } = open();
      expect(await session.extent('CALLBACKS')).toMatchObject({ first: 0, last: 0 });
      await send('callbacks.rules.job', 'one');
      await session.remove('CALLBACKS', 1);
      expect(await session.extent('CALLBACKS')).toMatchObject({ first: 2, last: 1 });
    });
  });

  describe('readHeaders', () => {
    it('gives the headers of what is stored, batch by batch, then nothing', async () => {
      const { subject, sequences } = await stored('one', 'two', 'three');
      const reader = await open().session.readHeaders('EVENTS', { subject, from: 1 });
      const first = await reader.next(2);
      expect(first.map(({ sequence }) => sequence)).toEqual(sequences.slice(0, 2));
      expect(first[0]).toMatchObject({ subject });
      expect(first[0]?.size).toBeGreaterThanOrEqual(subject.length);
      expect(first[0]).not.toHaveProperty('data');
      expect((await reader.next(2)).map(({ sequence }) => sequence)).toEqual(sequences.slice(2));
      expect(await reader.next(2)).toEqual([]);
      await send(subject, 'four');
      await until('the new message', async () => (await reader.next(2)).length === 1);
      reader.stop();
      reader.stop();
    });
  });

  describe('follow', () => {
    it('gives what is stored and what comes, in order, until it is stopped', async () => {
      const { session } = open();
      const { subject, sequences } = await stored('one', 'two');
      const taken: string[] = [];
      const take = (message: { readonly data: Uint8Array }): void => void taken.push(textOf(message));
      const from = sequences[1] ?? 0;
      const stop = await session.follow('EVENTS', { subject, from, take, onLost: () => taken.push('lost') });
      await send(subject, 'three');
      await stored('of another subject');
      await until('the message to come', () => taken.length === 2);
      stop();
      stop();
      await send(subject, 'four');
      await session.ping(5_000);
      expect(taken).toEqual(['two', 'three']);
    });
  });

  describe('subscribe', () => {
    it('gives each message on a subject, even one that the stream does not store', async () => {
      const { session } = open();
      const subject = newSubject();
      const taken: string[] = [];
      const stop = session.subscribe(subject, (data) => taken.push(textOf({ data })));
      await send(subject, 'one', `${subject}:1`);
      await send(subject, 'two', `${subject}:1`);
      await until('both messages', () => taken.length === 2);
      stop();
      stop();
      await send(subject, 'three');
      await session.ping(5_000);
      expect(taken).toEqual(['one', 'two']);
    });
  });

  describe('the bucket of operations', () => {
    it('can be asked for a key, and watched: what is there first, then what changes', async () => {
      const { session, announce } = open();
      await announce('echo', bytes('1'));
      await announce('gone', bytes('1'));
      await announce('gone', undefined);
      expect(await session.operation('echo')).toEqual(bytes('1'));
      expect(await session.operation('gone')).toBeUndefined();
      const changes: Omit<BucketChange, 'sequence'>[] = [];
      const sequences: number[] = [];
      await session.watchBucket(
        OPERATIONS_BUCKET,
        ({ sequence, ...change }) => {
          changes.push(change);
          sequences.push(sequence);
        },
        () => undefined,
      );
      expect(changes.filter(({ value }) => value !== undefined)).toEqual([
        { key: 'echo', value: bytes('1') },
      ]);
      const already = changes.length;
      // The bucket keeps the last value only, so a change that the next one overtakes may be left out.
      await announce('echo', bytes('2'));
      await until('the new value', () => changes.length === already + 1);
      await announce('echo', undefined);
      await until('the deletion', () => changes.length === already + 2);
      expect(changes.slice(already)).toEqual([
        { key: 'echo', value: bytes('2') },
        { key: 'echo', value: undefined },
      ]);
      expect(sequences).toEqual([...new Set(sequences)].toSorted((a, b) => a - b));
    });
  });

  it('close loses the connection', async () => {
    const { session } = open();
    let losses = 0;
    session.lost.listen(() => {
      losses++;
    });
    session.close();
    await until('the loss', () => losses === 1);
    expect(session.isClosed).toBe(true);
  });
}
