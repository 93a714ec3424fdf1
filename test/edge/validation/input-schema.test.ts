import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { InputSchema, type InputVerdict } from '../../../edge/validation/input-schema.ts';
import { SchemaNode } from '../../../edge/validation/schema-node.ts';
import { StepBudget } from '../../../edge/validation/step-budget.ts';

function check(schema: unknown, input: unknown, steps = 1e6): InputVerdict {
  return new InputSchema(schema).check(input, new StepBudget(steps));
}

/** What the edge says about an input, one sentence for each path. */
function sentences(schema: unknown, input: unknown): string[] {
  const verdict = check(schema, input);
  const violations = verdict.outcome === 'refused' ? verdict.violations : [];
  return violations.map(({ path, message }) => `${path || 'the input'} ${message}`);
}

const NAMED = {
  type: 'object',
  properties: {
    width: { type: 'number', minimum: 1, exclusiveMaximum: 10 },
    count: { type: 'integer', maximum: 3 },
    name: { type: 'string', minLength: 2, maxLength: 4 },
    url: { type: 'string', pattern: '^[a-z]+:', format: 'uri' },
    code: { type: 'string', pattern: '^[A-Z]{3}$' },
    mode: { enum: ['fast', 'slow'] },
    version: { const: 2 },
    tags: { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 2, uniqueItems: true },
    half: { type: 'number', multipleOf: 0.5 },
    'a/b~c': { type: 'string' },
  },
  required: ['width'],
  additionalProperties: false,
};

describe('an input that is refused gets one sentence for each path', () => {
  it.each<[unknown, string[]]>([
    [{ width: 'x' }, ['/width must be a number, not text']],
    [{ width: null }, ['/width must be a number, not null']],
    [{ width: 0 }, ['/width must be at least 1']],
    [{ width: 10 }, ['/width must be less than 10']],
    [{ width: 1, count: 1.5 }, ['/count must be a whole number, not 1.5']],
    [{ width: 1, count: 4 }, ['/count must be at most 3']],
    [{ width: 1, name: 'x' }, ['/name must have at least 2 characters']],
    [{ width: 1, name: 'xxxxx' }, ['/name must have at most 4 characters']],
    [{ width: 1, url: '/a' }, ['/url must be a URL']],
    [{ width: 1, code: 'abc' }, ['/code must match the pattern ^[A-Z]{3}$']],
    [{ width: 1, mode: 'quick' }, ['/mode must be "fast" or "slow"']],
    [{ width: 1, version: 1 }, ['/version must be 2']],
    [{ width: 1, tags: 'a' }, ['/tags must be a list, not text']],
    [{ width: 1, tags: [] }, ['/tags must have at least 1 item']],
    [{ width: 1, tags: ['a', 'b', 'c'] }, ['/tags must have at most 2 items']],
    [{ width: 1, tags: ['a', true] }, ['/tags/1 must be text, not true']],
    [{ width: 1, tags: ['a', 'a'] }, ['/tags/1 is in the list already']],
    [{ width: 1, half: 0.75 }, ['/half must be a multiple of 0.5']],
    [{ width: 1, 'a/b~c': {} }, ['/a~1b~0c must be text, not an object']],
    [{ width: 1, heigth: 1 }, ['/heigth is not a field that is known here']],
    [{ count: 'x' }, ['/width is missing', '/count must be a whole number, not text']],
    [7, ['the input must be an object, not a number']],
    [[], ['the input must be an object, not a list']],
  ])('%j', (input, expected) => {
    expect(sentences(NAMED, input)).toEqual(expected);
  });

  it.each<[string, unknown, unknown, string]>([
    ['a type of two', { type: ['string', 'null'] }, 1, 'the input must be text or null, not a number'],
    ['a schema that takes nothing', false, 1, 'the input is not allowed here'],
    [
      'what a schema forbids',
      { not: { type: 'number' } },
      1,
      'the input has a form that is not allowed here',
    ],
    ['names', { propertyNames: { maxLength: 2 } }, { abc: 1 }, '/abc has a name that is not allowed'],
    ['a number of fields', { minProperties: 1 }, {}, 'the input must have at least 1 field'],
    ['too many fields', { maxProperties: 0 }, { a: 1 }, 'the input must have at most 0 fields'],
    [
      'a pattern of names',
      { patternProperties: { '^x': { type: 'null' } } },
      { xa: 1 },
      '/xa must be null, not a number',
    ],
    [
      'a value of many',
      { enum: [...Array(12).keys()] },
      'x',
      'the input must be one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, … (12 values)',
    ],
    ['a value with parts', { const: { a: [1] } }, { a: [2] }, 'the input must be {"a":[1]}'],
    [
      'two forms, of which one may fit',
      { oneOf: [{ type: 'number' }, { minimum: 1 }] },
      5,
      'the input fits more than one of the forms that are allowed here, and must fit exactly one',
    ],
  ])('%s', (_what, schema, input, sentence) => {
    expect(sentences(schema, input)).toEqual([sentence]);
  });

  it.each([
    { type: 'string', $ref: '#' },
    { $ref: '#/$defs/a', $defs: { a: { type: 'string', allOf: [{ $ref: '#/$defs/a' }] } } },
    { $ref: '#/$defs/a', $defs: { a: { type: 'string', $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
    { type: 'string', anyOf: [{ $ref: '#' }, { const: 1 }] },
    { $ref: '#/$defs/a', $defs: { a: { allOf: [{ $ref: '#/$defs/a' }, { type: 'string' }] } } },
    {
      $ref: '#/$defs/a',
      $defs: { a: { allOf: [{ $ref: '#/$defs/b' }, { type: 'string' }] }, b: { $ref: '#/$defs/a' } },
    },
  ])('also by a schema whose references make a circle: %j', (schema) => {
    expect(sentences(schema, 5)).toEqual(['the input must be text, not a number']);
  });

  it('also for a text that takes most of the budget', () => {
    const schema = { properties: { a: { properties: { b: { pattern: '^([a-z]|[b-y])+$' } } } } };
    const input = { a: { b: `${'a'.repeat(100_000)}!` } };
    expect(sentences(schema, input)).toEqual(['/a/b must match the pattern ^([a-z]|[b-y])+$']);
  });

  it('also for a long list that stands deep in the input', () => {
    const row = { properties: { id: { type: 'number' }, name: { type: 'string' } }, required: ['id'] };
    const rows: unknown[] = Array.from({ length: 12_000 }, (_, id) => ({ id, name: 'x' }));
    rows.push({ id: 'last' });
    const schema = ['a', 'b', 'c', 'd'].reduce<unknown>(
      (inner, name) => ({ properties: { [name]: inner } }),
      { items: row },
    );
    expect(sentences(schema, { d: { c: { b: { a: rows } } } })).toEqual([
      '/d/c/b/a/12000/id must be a number, not text',
    ]);
  });

  it('also for an object that takes a good part of the budget', () => {
    const schema = {
      properties: { a: { propertyNames: { pattern: '^x-' }, additionalProperties: { type: 'null' } } },
    };
    const names = Array.from({ length: 20_000 }, (_, index) => `x-${index}`);
    const a = { ...Object.fromEntries(names.map((name) => [name, null])), 'x-last': 1 };
    expect(sentences(schema, { a })).toEqual(['/a/x-last must be null, not a number']);
  });

  it('with a thousand faults gets ten', () => {
    const input = Array.from({ length: 1_000 }, (_, index) => index);
    expect(sentences({ items: { type: 'string' } }, input)).toHaveLength(10);
  });

  it('with faults as long as the input gets few words', () => {
    const input = Object.fromEntries(['a', 'b', 'c'].map((letter) => [letter.repeat(80_000), 1]));
    const closed = { additionalProperties: false };
    expect(sentences(closed, input).join('').length).toBeLessThan(2_000);
    expect(sentences({ const: 'x'.repeat(80_000) }, 1).join('').length).toBeLessThan(300);
  });
});

describe('a value that fits none of several forms', () => {
  const shape = {
    anyOf: [
      {
        type: 'object',
        properties: { kind: { const: 'circle' }, radius: { type: 'number' } },
        required: ['kind', 'radius'],
      },
      {
        type: 'object',
        properties: { kind: { const: 'square' }, side: { type: 'number' } },
        required: ['kind', 'side'],
      },
    ],
  };

  it.each<[string, unknown, unknown, string]>([
    ['the form with its tag', shape, { kind: 'circle', radius: 'x' }, '/radius must be a number, not text'],
    ['the tags, if the tag is none of them', shape, { kind: 'cube' }, '/kind must be "circle" or "square"'],
    ['the tag, if there is none', shape, { radius: 1 }, '/kind is missing'],
    [
      'the types, if its type is none of them',
      { anyOf: [{ type: 'string' }, { type: 'null' }] },
      1,
      'the input must be text or null, not a number',
    ],
    [
      'the form with its type',
      { anyOf: [{ type: 'string', minLength: 3 }, { type: 'null' }] },
      'x',
      'the input must have at least 3 characters',
    ],
    [
      'the values, if all forms are values',
      { anyOf: [{ const: 'a' }, { enum: ['b', 'c'] }] },
      'x',
      'the input must be "a", "b" or "c"',
    ],
    [
      'that no form fits, if more than one may be meant',
      { anyOf: [{ minimum: 3 }, { multipleOf: 2 }] },
      1,
      'the input fits none of the 2 forms that are allowed here',
    ],
    [
      'the form behind a reference',
      { anyOf: [{ $ref: '#/$defs/a' }, { type: 'null' }], $defs: { a: { type: 'object', required: ['b'] } } },
      {},
      '/b is missing',
    ],
  ])('is told of %s', (_what, schema, input, sentence) => {
    expect(sentences(schema, input)).toEqual([sentence]);
  });
});

describe('what is not certain is left to the worker', () => {
  it.each<[string, unknown, unknown]>([
    ['a keyword that is not known', { unevaluatedProperties: false }, { a: 1 }],
    ['a keyword with an argument that it cannot have', { minimum: '7', type: 'nummer' }, 1],
    ['a list of items of an older dialect', { items: [{ type: 'string' }] }, [1]],
    [
      'a schema of another dialect',
      { $schema: 'http://json-schema.org/draft-07/schema#', type: 'string' },
      1,
    ],
    ['a format', { format: 'email' }, 'x'],
    ['a pattern that nobody reads', { pattern: '(' }, 'x'],
    ['a pattern that means something else with the flag u', { pattern: '^\\p{Lu}$' }, 'x'],
    ['a pattern with a reference to a group', { pattern: '^(a)\\1$' }, 'ab'],
    ['a text beyond the basic plane and a pattern', { pattern: '^[a-z]+$' }, '😀'],
    ['a limit between two ways to count', { minLength: 2 }, '😀'],
    ['a limit between two ways to count, from above', { maxLength: 1 }, '😀'],
    ['a multiple up to rounding', { multipleOf: 0.1 }, 0.3],
    ['a multiple of a number that is too large for a double', { multipleOf: 2 }, 2 ** 53 + 2],
    ['a reference to nothing', { $ref: '#/$defs/missing' }, 1],
    ['a reference to another document', { $ref: 'https://example.com/schema' }, 1],
    ['a reference to itself', { $ref: '#' }, 1],
    ['a circle of references', { anyOf: [{ $ref: '#/$defs/a' }], $defs: { a: { $ref: '#' } } }, 1],
    [
      'a schema inside with an id of its own',
      { properties: { a: { $id: 'x:1', $ref: '#/$defs/a' } } },
      { a: 1 },
    ],
    ['the opposite of what is not certain', { not: { format: 'email' } }, 'x'],
    ['one form of those that are not certain', { oneOf: [{ format: 'email' }, { format: 'uri' }] }, 'x'],
    ['__proto__, which libraries leave out', { additionalProperties: false }, JSON.parse('{"__proto__":1}')],
    ['the name __proto__', { propertyNames: false }, JSON.parse('{"__proto__":1}')],
    ['a schema that is no schema', 'x', 1],
  ])('%s', (_what, schema, input) => {
    expect(check(schema, input)).toEqual({ outcome: 'passed' });
  });

  it('and the rest of the schema is checked all the same', () => {
    const schema = { properties: { a: { pattern: '(' }, b: { type: 'number' } } };
    expect(sentences(schema, { a: 'x', b: 'x' })).toEqual(['/b must be a number, not text']);
  });

  it('a pattern that JavaScript reads only without the flag u is checked', () => {
    const schema = { type: 'string', pattern: '^[\\w-.]+$' };
    expect(check(schema, 'some-text.1')).toEqual({ outcome: 'passed' });
    expect(sentences(schema, 'some text')).toEqual(['the input must match the pattern ^[\\w-.]+$']);
  });
});

describe('an input', () => {
  const schema = z.toJSONSchema(
    z.object({
      size: z.object({ width: z.int().min(1) }),
      tags: z.array(z.string()).optional(),
      'a/b~c': z.string().optional(),
      'two words': z.string().optional(),
      größe: z.string().optional(),
    }),
  );
  const good = { size: { width: 7 } };

  it('that fits is accepted', () => {
    expect(check(schema, good)).toEqual({ outcome: 'passed' });
  });

  it.each<[string, unknown, string]>([
    ['an inner value', { size: { width: 'x' } }, '/size/width'],
    ['a value out of range', { size: { width: 0 } }, '/size/width'],
    ['an item', { ...good, tags: ['a', 7] }, '/tags/1'],
    ['a missing value', {}, '/size'],
    ['the whole input', 'text', ''],
    ['null', null, ''],
    ['a key with a slash and a tilde', { ...good, 'a/b~c': 7 }, '/a~1b~0c'],
    ['a key with a blank', { ...good, 'two words': 7 }, '/two words'],
    ['a key beyond ASCII', { ...good, größe: 7 }, '/größe'],
  ])('that does not fit is refused with a JSON Pointer to %s', (_what, input, path) => {
    expect(check(schema, input)).toMatchObject({ outcome: 'refused', violations: [{ path }] });
  });

  it.each([
    ['takes anything', true, 'passed'],
    ['takes nothing', false, 'refused'],
    ['has no rules', {}, 'passed'],
  ])('of an operation whose schema %s', (_what, rule, outcome) => {
    expect(check(rule, { any: 'thing' }).outcome).toBe(outcome);
  });
});

describe('a check that does not end well', () => {
  it('is no verdict if the budget of the request is spent', () => {
    const long = Array(1_000).fill('x');
    const budget = new StepBudget(1_500);
    const schema = new InputSchema({ items: { type: 'string' } });
    expect(schema.check(long, budget)).toEqual({ outcome: 'passed' });
    expect(schema.check(long, budget)).toEqual({ outcome: 'overBudget' });
    expect(schema.check(7, budget)).toEqual({ outcome: 'overBudget' });
  });

  it('refuses what is wrong before the budget is spent', () => {
    expect(check({ items: { type: 'string' } }, [7, ...Array(1_000).fill('x')], 100).outcome).toBe('refused');
  });

  it('is no verdict if the schemas are nested too deeply', () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `d${index}`);
    const $defs = Object.fromEntries(names.map((name, index) => [name, { $ref: `#/$defs/d${index + 1}` }]));
    expect(check({ $ref: '#/$defs/d0', $defs: { ...$defs, d1000: { type: 'string' } } }, 7)).toEqual({
      outcome: 'overBudget',
    });
  });

  it('is no verdict if the check itself fails: it never passes in silence', () => {
    const fault = new Error('a fault of ours');
    const judge = vi.spyOn(SchemaNode.prototype, 'judge').mockImplementation(() => {
      throw fault;
    });
    expect(check({ type: 'string' }, 'x')).toEqual({ outcome: 'failed', thrown: fault });
    judge.mockRestore();
  });
});
