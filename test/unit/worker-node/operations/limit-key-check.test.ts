import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { LimitKey } from '../../../../shared/job/limit-key.ts';
import { defineOperation } from '../../../../worker-node/operations/operation.ts';
import { announcementOf } from '../../../../worker-node/operations/operation-schema.ts';

/** What a worker says at its start about an operation with this input and this key. */
function said(
  input: z.ZodType,
  key: LimitKey,
  setting: 'concurrency' | 'rateLimit' = 'concurrency',
): string[] {
  const limits = {
    concurrency: { concurrency: { key, limit: 2 } },
    rateLimit: { rateLimit: { key, limit: 2, period: '1m' } },
  };
  const sentences: string[] = [];
  const operation = defineOperation({ name: 'mail.send', input, ...limits[setting], run: () => null });
  announcementOf(operation, (sentence) => void sentences.push(sentence));
  return sentences;
}

const Customer = z.object({ customer: z.object({ id: z.string(), 'a/b': z.int() }), to: z.string() });
interface Tree {
  readonly name: string;
  readonly next?: Tree | undefined;
}
const Tree: z.ZodType<Tree> = z.object({ name: z.string(), next: z.lazy(() => Tree).optional() });

describe('a limit whose key names no property of the input', () => {
  it.each(['concurrency', 'rateLimit'] as const)(
    'gets a warning that names operation, key and the properties there are: %s',
    (setting) => {
      expect(said(Customer, '/custmer', setting)).toEqual([
        `operation mail.send: ${setting}.key is "/custmer", but the input schema has no property "custmer"; the properties are customer, to. Jobs whose input has nothing there share one limit`,
      ]);
    },
  );

  it.each<[LimitKey, z.ZodType, string]>([
    ['/customer/no', Customer, 'no property "no" in /customer; the properties are id, a/b.'],
    ['/to/name', Customer, 'no property "name" in /to; there are no properties.'],
    ['/c', z.union([z.object({ a: z.int() }), z.object({ b: z.int() })]), 'the properties are a, b.'],
    ['/c', z.object({ a: z.int() }).and(z.object({ b: z.int() })), 'the properties are a, b.'],
    ['/a/c', z.object({ a: z.object({ b: z.int() }).nullable() }), 'the properties are b.'],
    ['/next/next/nam', Tree, 'no property "nam" in /next/next; the properties are name, next.'],
    ['/a', z.strictObject({ b: z.int() }), 'the properties are b.'],
  ])('gets a warning at any depth, and through unions and references: %s', (key, input, sentence) => {
    expect(said(input, key)).toEqual([expect.stringContaining(sentence)]);
  });

  it('gets a warning that names some of many properties', () => {
    const input = z.object(Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`n${n}`, z.int()])));
    expect(said(input, '/a')).toEqual([expect.stringContaining('n18, n19 and 10 more.')]);
  });
});

describe('a limit gets no warning', () => {
  it.each<[LimitKey, z.ZodType]>([
    ['tenant', Customer],
    ['/customer', Customer],
    ['/customer/id', Customer],
    ['/customer/a~1b', Customer],
    ['/next/next/name', Tree],
  ])('where its key names what may be there: %s', (key, input) => {
    expect(said(input, key)).toEqual([]);
  });

  it.each<[string, z.ZodType]>([
    ['anything', z.unknown()],
    ['a record', z.record(z.string(), z.int())],
    ['an object with more', z.looseObject({ b: z.int() })],
    ['an object or anything', z.union([z.object({ b: z.int() }), z.unknown()])],
    ['a list', z.array(z.int())],
    ['what is read by code', z.unknown().transform((value) => ({ b: value }))],
  ])('where the schema leaves open what there is: %s', (_what, input) => {
    expect(said(input, '/a')).toEqual([]);
  });
});
