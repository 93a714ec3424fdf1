import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { InputSchema, type InputVerdict } from '../../../edge/validation/input-schema.ts';
import { StepBudget } from '../../../edge/validation/step-budget.ts';
import { inputCheckOf } from '../../../worker-node/operations/input-check/input-check.ts';
import { SUITE } from '../../support/suite-settings.ts';
import { generated } from './generated-zod.ts';

const RUNS = SUITE.ZOD_RUNS;

/** What the edge says about an input of an operation with a zod schema. */
function check(schema: z.ZodType, input: unknown): InputVerdict {
  // Both the announcement and the input reach the edge as JSON.
  const announced = JSON.parse(JSON.stringify(inputCheckOf(schema).schema));
  return new InputSchema(announced).check(input, new StepBudget(1e9));
}

class Forgiving extends RegExp {
  override test(): boolean {
    return true;
  }
}

/** Whether the schema accepts an input; undefined if zod throws, as for an ambiguous union. */
function accepts(schema: z.ZodType, input: unknown): boolean | undefined {
  try {
    return schema.safeParse(structuredClone(input)).success;
  } catch {
    return undefined;
  }
}

describe('an input that the zod schema of its operation accepts', () => {
  it('is never refused at the edge', () => {
    const outcomes: string[] = [];
    const schemaAndInput = generated.chain(({ schema, input }) =>
      fc.tuple(
        fc.constant(schema),
        fc.oneof({ weight: 4, arbitrary: input }, { weight: 1, arbitrary: fc.jsonValue() }),
      ),
    );
    fc.assert(
      fc.property(schemaAndInput, ([schema, made]) => {
        const input = JSON.parse(JSON.stringify(made) ?? 'null');
        const { outcome } = check(schema, input);
        outcomes.push(outcome);
        if (accepts(schema, input)) {
          const told = { input, check: JSON.stringify(inputCheckOf(schema).schema) };
          expect({ outcome, ...told }).toEqual({ outcome: 'passed', ...told });
        }
        expect(outcome).not.toBe('failed');
      }),
      { numRuns: RUNS },
    );
    // The edge would keep the rule by refusing nothing.
    expect(outcomes.filter((outcome) => outcome === 'refused').length).toBeGreaterThan(RUNS / 4);
  });

  it('is the only kind that passes where the check is whole', () => {
    // The edge judges no text beyond the basic plane. zod takes a field that is absent from the prototype of the object.
    const isJudged = (input: unknown, announced: string): boolean =>
      !/[\ud800-\udfff]|__proto__/.test(JSON.stringify(input)) && !announced.includes('"toString"');
    const outcomes: string[] = [];
    const schemaAndInput = generated.chain(({ schema, input }) => fc.tuple(fc.constant(schema), input));
    fc.assert(
      fc.property(schemaAndInput, ([schema, made]) => {
        const input = JSON.parse(JSON.stringify(made) ?? 'null');
        const { isWhole, schema: announced } = inputCheckOf(schema);
        const told = { input, check: JSON.stringify(announced) };
        if (!isWhole || !isJudged(input, told.check) || accepts(schema, input) !== false) return;
        const { outcome } = check(schema, input);
        outcomes.push(outcome);
        expect({ outcome, ...told }).toEqual({ outcome: 'refused', ...told });
      }),
      { numRuns: RUNS },
    );
    expect(outcomes.length).toBeGreaterThan(RUNS / 50);
  });

  const Node = z.object({
    get next() {
      return z.optional(Node);
    },
    name: z.string().trim().min(1),
  });

  it.each<[string, z.ZodType, unknown]>([
    ['a pattern with the flag i', z.string().regex(/^[a-z]+$/i), 'ABC'],
    ['a pattern with the flag s', z.string().regex(/^a.b$/s), 'a\nb'],
    ['a pattern with the flag m', z.string().regex(/^b$/m), 'a\nb'],
    ['a pattern with the flag u', z.string().regex(/^.$/u), '😀'],
    ['a pattern without the flag u', z.string().regex(/^..$/), '😀'],
    ['a pattern that is legal only without the flag u', z.string().regex(/^[\w-.]+$/), 'a-b.c'],
    ['a pattern with a lookbehind', z.string().regex(/(?<=a)b/), 'ab'],
    ['a number from a text', z.coerce.number(), '5'],
    ['a number from nothing', z.coerce.number(), null],
    ['a text from a list', z.coerce.string(), [1]],
    ['a boolean from a number', z.coerce.boolean(), 0],
    ['a date from a text', z.coerce.date(), '2026-01-02'],
    ['a big integer from a text', z.coerce.bigint(), '12345678901234567890'],
    ['a value that is changed first', z.preprocess(Number, z.number()), '5'],
    ['a text that is trimmed first', z.string().trim().max(3), '  ABC  '],
    [
      'a text that is lowered first',
      z
        .string()
        .toLowerCase()
        .regex(/^[a-z]+$/),
      'ABC',
    ],
    ['a text that is raised first', z.string().toUpperCase().startsWith('A'), 'abc'],
    ['a text that is normalized first', z.string().normalize().length(1), 'e\u0301'],
    [
      'a text that a function changes first',
      z
        .string()
        .overwrite((text) => text.slice(1))
        .max(1),
      'ab',
    ],
    [
      'a list that a function changes first',
      z
        .array(z.number())
        .overwrite((list) => list.slice(1))
        .max(1),
      [1, 2],
    ],
    ['a URL, which is trimmed before its length counts', z.url().max(10), '   http://a.b   '],
    ['a URL with a line break', z.url(), 'ht\ntp://a.b'],
    ['a value with a way out', z.string().catch('x'), 7],
    ['a value with a way out, inside', z.object({ a: z.number().catch(7) }), { a: 'x' }],
    ['a field with a default', z.object({ a: z.string().default('x') }), {}],
    ['a field with a prefault', z.object({ a: z.string().prefault('x') }), {}],
    [
      'a field that a schema of the author may leave out',
      z.object({ a: z.custom((a) => a === undefined).optional() }),
      {},
    ],
    ['a text that becomes a number', z.string().transform(Number).pipe(z.number()), '5'],
    [
      'a text that is read as a number',
      z.codec(z.string(), z.number(), { decode: Number, encode: String }),
      '5',
    ],
    ['a boolean by its words', z.stringbool(), 'YES'],
    ['characters beyond the basic plane', z.string().min(1).max(1), '😀'],
    ['a multiple up to rounding', z.number().multipleOf(0.1), 0.3],
    [
      'a key that the other side of an intersection knows',
      z.intersection(z.strictObject({ a: z.number() }), z.strictObject({ b: z.number() })),
      { a: 1, b: 1 },
    ],
    [
      'a field that the other side of an intersection knows',
      z.intersection(z.record(z.string().regex(/^a/), z.number()), z.object({ b: z.string() })),
      { a: 1, b: 'x' },
    ],
    [
      'the same behind a union',
      z.intersection(z.union([z.strictObject({ a: z.number() }), z.null()]), z.object({ b: z.number() })),
      { a: 1, b: 1 },
    ],
    [
      'a key that the second schema forgives',
      z.strictObject({ a: z.number() }).pipe(z.union([z.object({ a: z.number() }), z.string()]) as never),
      { a: 1, b: 1 },
    ],
    [
      'a key that the second schema forgives, inside',
      z
        .object({ a: z.array(z.strictObject({ b: z.number() })) })
        .pipe(z.union([z.looseObject({}), z.string()]) as never),
      { a: [{ b: 1, c: 1 }] },
    ],
    [
      'a key of a record that the second schema forgives, inside',
      z
        .object({ a: z.record(z.enum(['b']), z.number()) })
        .pipe(z.union([z.looseObject({}), z.string()]) as never),
      { a: { b: 1, c: 1 } },
    ],
    ['a format of the author that has the name of one of zod', z.stringFormat('url', /^\//), '/a'],
    ['a pattern that tests in a way of its own', z.string().regex(new Forgiving('^a$')), 'b'],
    ['numbers as keys', z.record(z.number(), z.string()), { 1: 'x' }],
    ['a record without some of its keys', z.partialRecord(z.enum(['a', 'b']), z.number()), { a: 1 }],
    ['a record that lets other keys through', z.looseRecord(z.string().regex(/^a/), z.number()), { b: 'x' }],
    ['a key that zod leaves out', z.record(z.string(), z.number()), JSON.parse('{"__proto__":"x","a":1}')],
    ['a schema that refers to itself', Node, { name: ' a ', next: { name: 'b' } }],
    ['a tuple that may be shorter', z.tuple([z.number(), z.string().optional()]), [1]],
    [
      'a schema whose description says something else',
      z.string().meta({ type: 'number', maxLength: 1 }),
      'abc',
    ],
    ['a check that counts only at times', z.string().min(5, { when: () => false } as never), 'a'],
    [
      'a date and time in any of the ways that are set',
      z.iso.datetime({ offset: true, local: true }),
      '2026-01-02T03:04',
    ],
  ])('passes: %s', (_what, schema, input) => {
    expect(accepts(schema, input)).toBe(true);
    expect(check(schema, input)).toEqual({ outcome: 'passed' });
  });
});

describe('an input that a zod schema refuses for certain', () => {
  it.each<[z.ZodType, unknown, string, string]>([
    [z.object({ width: z.number() }), { width: 'x' }, '/width', 'must be a number, not text'],
    [z.object({ url: z.url() }), { url: '/a' }, '/url', 'must be a URL'],
    [z.object({ url: z.httpUrl() }), { url: 'a.example' }, '/url', 'must be a URL'],
    [z.email(), 'nobody', '', 'must be an e-mail address'],
    [z.uuid(), 'x', '', 'must be a UUID'],
    [z.ipv4(), '1.2.3', '', 'must be an IPv4 address'],
    [z.iso.datetime(), 'tomorrow', '', 'must be a date and time such as 2026-01-02T03:04:05Z'],
    [z.iso.date(), '2023-02-29', '', 'must be a date such as 2026-01-02'],
    [z.strictObject({ a: z.number() }), { a: 1, b: 1 }, '/b', 'is not a field that is known here'],
    [z.object({ a: z.object({ b: z.string() }) }), { a: {} }, '/a/b', 'is missing'],
    [z.int().min(1), 1.5, '', 'must be a whole number, not 1.5'],
    [z.int(), 2 ** 53, '', 'must be at most 9007199254740991'],
    [z.string().min(2).max(5).min(3), 'ab', '', 'must have at least 3 characters'],
    [z.string().max(3).trim(), '    ', '', 'must have at most 3 characters'],
    [z.string().regex(/^[\w-.]+$/), 'a b', '', 'must match the pattern ^[\\w-.]+$'],
    [z.string().endsWith('.png'), 'a.jpg', '', 'must match the pattern \\.png$'],
    [z.string().trim().max(3), 7, '', 'must be text, not a number'],
    [z.string().transform(Number), 7, '', 'must be text, not a number'],
    [z.enum(['fast', 'slow']), 'quick', '', 'must be "fast" or "slow"'],
    [z.record(z.string(), z.number()), { a: 'x' }, '/a', 'must be a number, not text'],
    [z.record(z.enum(['a', 'b']), z.number()), { a: 1 }, '/b', 'is missing'],
    [z.array(z.string()).min(1), [], '', 'must have at least 1 item'],
    [z.tuple([z.string(), z.number()]), ['a'], '', 'must have at least 2 items'],
    [z.string().nullable(), 7, '', 'must be text or null, not a number'],
    [
      z
        .number()
        .refine(() => true)
        .min(3),
      1,
      '',
      'must be at least 3',
    ],
    [z.object({ a: z.string() }).and(z.object({ b: z.string() })), { a: 'x' }, '/b', 'is missing'],
  ])('%o is told: %j %s %s', (schema, input, path, message) => {
    expect(accepts(schema, input)).toBe(false);
    expect(check(schema, input)).toEqual({ outcome: 'refused', violations: [{ path, message }] });
  });
});
