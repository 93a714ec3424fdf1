import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { registryText } from '../../../../cli/types/registry-text.ts';
import type { JsonSchema } from '../../../../shared/api/operation.ts';
import { announced } from '../../../types/schemas.ts';

const WRITTEN = new URL('../../../types/written/operations.ts', import.meta.url);

/** `npm run types` holds the file against the schemas. */
it('the types of operations are those of the file that the compiler checks', async () => {
  expect(registryText(announced())).toBe(await readFile(WRITTEN, 'utf8'));
});

it('the same operations in another order give the same text', () => {
  expect(registryText(announced().toReversed())).toBe(registryText(announced()));
});

function inputType(inputSchema: JsonSchema): string {
  const facts = { timeoutMs: 1, maxAttempts: 1, edgeChecks: 'whole' as const };
  const text = registryText([{ name: 'a', inputSchema, ...facts }]);
  return /readonly input: ([\s\S]*);\n {4}readonly result/.exec(text)?.[1] ?? '';
}

it.each<[string, JsonSchema, string]>([
  ['nothing', false, 'never'],
  ['keywords that are not known', { format: 'x', 'x-own': 1 }, 'unknown'],
  ['a reference that leads nowhere', { $ref: '#/$defs/none' }, 'unknown'],
  ['a reference that is not encoded well', { $ref: '#/%zz' }, 'unknown'],
  ['a reference to another document', { $ref: 'https://example.com/a' }, 'unknown'],
  ['a reference to a part that is no schema', { $ref: '#/type', type: 'string' }, 'string'],
  ['a reference to an anchor', { $ref: '#node', $defs: { node: { $anchor: 'node' } } }, 'unknown'],
  ['types that JSON Schema does not have', { type: ['string', 'constructor'] }, 'unknown'],
  ['a list of types', { type: ['string', 'null'] }, 'string | null'],
  ['a list of anything', { type: 'array' }, 'unknown[]'],
  ['a list of two kinds', { items: { type: ['string', 'number'] } }, '(string | number)[]'],
  ['a tuple', { prefixItems: [{ type: 'string' }], items: false }, '[string]'],
  [
    'a tuple whose end may be missing',
    {
      prefixItems: [{ type: 'string' }, { type: ['number', 'null'] }],
      items: { type: 'boolean' },
      minItems: 1,
    },
    '[string, (number | null)?, ...boolean[]]',
  ],
  ['an object without properties', { type: 'object', additionalProperties: false }, '{}'],
  ...[
    { additionalProperties: true },
    { additionalProperties: { type: 'number' } },
    { patternProperties: { '^x-': { type: 'number' } }, additionalProperties: false },
  ].map((open): [string, JsonSchema, string] => [
    `an object with more than its properties: ${JSON.stringify(open)}`,
    { type: 'object', properties: { a: { type: 'string' } }, ...open },
    '{\n      "a"?: string;\n      [name: string]: unknown;\n    }',
  ]),
  [
    'an object that needs a property of which it says no more',
    { type: 'object', properties: { a: { type: 'string' } }, required: ['a', 'b', 'b'] },
    '{\n      "a": string;\n      "b": unknown;\n    }',
  ],
  [
    'an object whose properties have patterns only',
    { type: 'object', patternProperties: { '^x-': { type: 'number' } }, additionalProperties: false },
    '{\n      [name: string]: unknown;\n    }',
  ],
  ['values that are no simple ones', { enum: [[1, 'a'], { b: null }] }, '([1, "a"]) | { "b": null }'],
  ['a text that could end a literal', { const: '"; alert(1); "' }, String.raw`"\"; alert(1); \""`],
  [
    'characters that a terminal acts on',
    { enum: ['\u001b[2J', '\u202e', { '\u009b': 1 }] },
    String.raw`("\u001b[2J") | ("\u202e") | { "\u009b": 1 }`,
  ],
])('an input schema of %s', (_, schema, type) => {
  expect(inputType(schema)).toBe(type);
});

it.each<JsonSchema>([
  { type: 'object', required: true },
  { properties: { a: { type: 'object', required: true, properties: { b: null } } } },
  { type: 'object', properties: ['a'] },
  { type: 'object', additionalProperties: null },
  { type: 'array', items: null },
  { anyOf: [null, 1], oneOf: {}, allOf: ['a'] },
  { prefixItems: [null] },
  { enum: 'a', type: 5, $ref: 7, description: [] },
])('a schema that is none, as a worker in another language may announce it, is no error: %j', (schema) => {
  expect(inputType(schema)).not.toBe('');
});

it('operations whose names differ by a dot or a dash only have types of their own', () => {
  const text = registryText(
    ['image.scale', 'image-scale', 'image_scale'].map((name) => ({
      name,
      inputSchema: { $ref: '#/$defs/size', $defs: { size: { const: name } } },
      timeoutMs: 1,
      maxAttempts: 1,
      edgeChecks: 'whole',
    })),
  );
  const declared = new Map(
    [...text.matchAll(/^type (\w+) = (.*);$/gm)].map(([, name, type]) => [name, type]),
  );
  const inputs = [...text.matchAll(/readonly "(.*)": \{\n {4}readonly input: (\w+);/g)];
  expect(inputs.map(([, name, type]) => [name, declared.get(type)])).toEqual([
    ['image-scale', '"image-scale"'],
    ['image.scale', '"image.scale"'],
    ['image_scale', '"image_scale"'],
  ]);
});

it('text of workers stays plain text, both on a terminal and for a reader of the file', () => {
  const evil = 'red \u001b[31m*/ \u202e\u2028 \u0007';
  const inputSchema = { description: evil, properties: { [evil]: { description: evil, const: evil } } };
  const text = registryText([
    { name: 'a', description: evil, inputSchema, timeoutMs: 1, maxAttempts: 1, edgeChecks: 'whole' },
  ]);
  expect(text.match(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu)).toBe(null);
  expect(text).toContain(String.raw`/** red \x1b[31m*\/ \u{202e} \x07 */`);
});
