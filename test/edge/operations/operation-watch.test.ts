import { describe, expect, it, vi } from 'vitest';
import { OperationWatch } from '../../../edge/operations/operation-watch.ts';
import type { Logger } from '../../../edge/telemetry/log.ts';
import type { OperationAnnouncement } from '../../../shared/api/operation.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { refusalOf } from '../../unit/support.ts';
import { MemoryBroker } from '../support/memory-broker.ts';

const announcement = (name: string, inputSchema: OperationAnnouncement['inputSchema'] = true) =>
  ({ name, inputSchema, timeoutMs: 30_000, maxAttempts: 5 }) satisfies OperationAnnouncement;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function setup() {
  const broker = new MemoryBroker();
  const bucket = broker.operations;
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() } satisfies Logger;
  const announce = (...announcements: readonly OperationAnnouncement[]): void => {
    for (const one of announcements) bucket.put(one.name, writeJson(one));
  };
  const watch = new OperationWatch(broker, { save: () => undefined }, log);
  return { broker, bucket, announce, log, watch };
}

function withOperations(...announcements: OperationAnnouncement[]) {
  const parts = setup();
  parts.announce(...announcements);
  return parts;
}

describe('a watch', () => {
  it('lists the announced operations, by name', async () => {
    const { watch } = withOperations(announcement('image.small'), announcement('echo'));
    expect(await watch.list()).toEqual([announcement('echo'), announcement('image.small')]);
  });

  it('lists nothing when nothing was announced', async () => {
    expect(await setup().watch.list()).toEqual([]);
  });

  it('follows the bucket: new, changed and deleted announcements', async () => {
    const { bucket, announce, watch } = withOperations(announcement('echo'));
    await watch.list();
    announce(announcement('image.small'), { ...announcement('echo'), maxAttempts: 1 });
    expect((await watch.list()).map(({ name, maxAttempts }) => [name, maxAttempts])).toEqual([
      ['echo', 1],
      ['image.small', 5],
    ]);
    bucket.put('echo', undefined);
    expect((await watch.list()).map(({ name }) => name)).toEqual(['image.small']);
    expect((await refusalOf(() => watch.find('echo'))).code).toBe('operation-unknown');
  });

  it('starts once, however many ask at the same time', async () => {
    const { broker, watch } = withOperations(announcement('echo'));
    await Promise.all(Array.from({ length: 10 }, () => watch.find('echo')));
    expect(broker.calls('watchBucket')).toBe(1);
    expect(broker.calls('operation')).toBe(0);
  });

  it('that ends at the moment when it is complete leaves what is saved as it is', async () => {
    const { broker, log } = withOperations(announcement('echo'));
    const saved: OperationAnnouncement[][] = [];
    const session: OperationWatch['session'] = {
      operation: (name) => broker.operation(name),
      watchBucket: async (_bucket, take, onEnd) => {
        take({ key: 'echo', sequence: 1, value: writeJson(announcement('echo')) });
        onEnd();
      },
    };
    const watch = new OperationWatch(session, { save: (all) => saved.push([...all]) }, log);
    expect((await refusalOf(() => watch.find('echo'))).code).toBe('broker-unavailable');
    expect(saved).toEqual([]);
  });

  it('tries again after a start that failed', async () => {
    const { broker, watch } = withOperations(announcement('echo'));
    broker.before('watchBucket', (nth) => {
      if (nth === 1) throw new Error('no bucket yet');
    });
    await expect(watch.list()).rejects.toThrow('no bucket yet');
    expect(await watch.list()).toHaveLength(1);
  });

  it('starts again after its end, and forgets what was deleted in between', async () => {
    const { broker, bucket, watch } = withOperations(announcement('echo'), announcement('image.small'));
    await watch.list();
    bucket.endWatch();
    bucket.put('echo', undefined);
    expect((await watch.list()).map(({ name }) => name)).toEqual(['image.small']);
    expect(broker.calls('watchBucket')).toBe(2);
  });

  it('asks the bucket before it refuses: a worker may have announced it a moment ago', async () => {
    const { broker, bucket, watch } = setup();
    await watch.list();
    bucket.put('echo', writeJson(announcement('echo')), 'silently');
    expect(await watch.find('echo')).toEqual(announcement('echo'));
    expect(broker.calls('operation')).toBe(1);
  });

  it.each<[string, Uint8Array, RegExp?]>([
    ['no JSON', bytes('{'), /expected object/],
    ['random bytes', new Uint8Array([0xff, 0xfe, 0x00]), /expected object/],
    ['nothing', new Uint8Array(), /expected object/],
    ['null', bytes('null'), /expected object/],
    ['something else', bytes('{"hello":1}'), /^\/name must be dotted lowercase words.*; \/timeoutMs /],
    ['an announcement of another name', writeJson(announcement('other')), /^\/name is not the key$/],
    ['an announcement without limits', writeJson({ name: 'bad', inputSchema: true }), /\/maxAttempts /],
    ['limits beyond bounds', writeJson({ ...announcement('bad'), maxAttempts: 1e9 }), /^\/maxAttempts .*100/],
    ['a schema that is a text', writeJson({ ...announcement('bad'), inputSchema: 'x' }), /^\/inputSchema /],
    ['a schema with an id that is no URI', writeJson(announcement('bad', { $id: 'http://[' }))],
    ['a schema that points at no URI', writeJson(announcement('bad', { $ref: 'http://[' }))],
    ['a schema with an id of another type', writeJson(announcement('bad', { $id: 7 }))],
    [
      'a schema that says the same id twice',
      writeJson(announcement('bad', { $defs: { a: { $id: 'x:1' }, b: { $id: 'x:1' } } })),
    ],
  ])(
    'keeps the other operations, and says what is wrong, when an announcement is %s',
    async (_what, value, reason) => {
      const { bucket, announce, watch, log } = withOperations(announcement('echo'));
      bucket.put('bad', value);
      announce(announcement('image.small'));
      const names = (await watch.list()).map(({ name }) => name);
      expect(names.filter((name) => name !== 'bad')).toEqual(['echo', 'image.small']);
      expect(names.includes('bad')).toBe(reason === undefined);
      if (reason !== undefined) {
        const facts = { operation: 'bad', reason: expect.stringMatching(reason) };
        expect(log.warn).toHaveBeenCalledWith('an announcement cannot be read', facts);
      }
    },
  );
});

describe('an operation that nobody announced', () => {
  const known = ['image.thumbnail', 'image.rotate', 'echo', 'http.request'].map((name) => announcement(name));

  it.each([
    ['image.thumbnial', 'image.thumbnail'],
    ['ecoh', 'echo'],
    ['http', 'http.request'],
  ])('%s: the answer names %s', async (name, near) => {
    const { watch } = withOperations(...known);
    const error = await refusalOf(() => watch.find(name));
    expect(error).toMatchObject({ code: 'operation-unknown' });
    expect(error.suggestions).toContain(near);
    expect(error.message).toMatch(new RegExp(`did you mean .*${near}`));
  });

  it.each(['nope', 'xyz', 'q'])('%s: the answer guesses nothing where most letters differ', async (name) => {
    const { watch } = withOperations(...known, announcement('boom'));
    const error = await refusalOf(() => watch.find(name));
    expect(error.suggestions).toEqual([]);
    expect(error.message).toBe(`no worker has announced ${name}; see GET /v1/operations`);
  });

  it('gets the nearest names first, and no more than three', async () => {
    const { watch } = withOperations(
      ...['aaaa', 'aaab', 'aabb', 'abbb', 'bbbb'].map((name) => announcement(name)),
    );
    const { suggestions } = await refusalOf(() => watch.find('aaac'));
    expect(suggestions).toHaveLength(3);
    expect(suggestions.slice(0, 2).sort()).toEqual(['aaaa', 'aaab']);
  });

  it('has no near names when nothing was announced', async () => {
    const error = await refusalOf(() => setup().watch.find('echo'));
    expect(error).toMatchObject({ code: 'operation-unknown', suggestions: [] });
    expect(error.message).toContain('see GET /v1/operations');
  });
});
