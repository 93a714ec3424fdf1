import type { StandardSchemaV1 } from '@standard-schema/spec';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { OperationAnnouncement } from '../../../../shared/api/operation.ts';
import { defineOperation } from '../../../../worker-node/operations/operation.ts';
import { announcementOf, validate } from '../../../../worker-node/operations/operation-schema.ts';
import { refusalOf } from '../../support.ts';

/** A schema of a library that has Standard Schema, but no JSON Schema. */
function plainSchema(issues?: readonly StandardSchemaV1.Issue[]): StandardSchemaV1<unknown, unknown> {
  const check = (value: unknown) => (issues === undefined ? { value } : { issues });
  return { '~standard': { version: 1, vendor: 'test', validate: check } };
}

const run = () => null;
const loud = (sentence: string): never => {
  throw new Error(sentence);
};

describe('an announcement', () => {
  it('holds name, limits, and the JSON Schemas of input and output', () => {
    const announcement = announcementOf(
      defineOperation({
        name: 'image.thumbnail',
        description: 'Makes it small.',
        input: z.object({ width: z.int().min(1).default(100) }),
        output: z.object({ bytes: z.int() }),
        timeout: '5s',
        maxAttempts: 2,
        run: () => ({ bytes: 1 }),
      }),
      loud,
    );
    expect(announcement).toMatchObject({
      name: 'image.thumbnail',
      description: 'Makes it small.',
      timeoutMs: 5_000,
      maxAttempts: 2,
      inputSchema: { type: 'object', properties: { width: { type: 'integer', minimum: 1 } } },
      outputSchema: { type: 'object', required: ['bytes'] },
    });
    // A property with a default may be left out of the input.
    expect(announcement.inputSchema).not.toHaveProperty('required');
    expect(OperationAnnouncement.parse(JSON.parse(JSON.stringify(announcement)))).toEqual(announcement);
  });

  it('lets any input through at the edge where the library is not zod', () => {
    const announcement = announcementOf(defineOperation({ name: 'echo', input: plainSchema(), run }), loud);
    expect(announcement).toMatchObject({ inputSchema: true, inputCheck: true, inputCheckIsWhole: false });
  });

  it('shows what JSON Schema has words for, and checks no more than that', () => {
    const input = z.object({ at: z.date(), name: z.string() });
    const announcement = announcementOf(defineOperation({ name: 'echo', input, run }), loud);
    expect(announcement).toMatchObject({
      inputSchema: { properties: { at: {}, name: { type: 'string' } } },
      inputCheck: { properties: { name: { type: 'string' } } },
      inputCheckIsWhole: false,
    });
  });

  it('shows the schema to people as it is, and announces separately what the edge may refuse', () => {
    const input = z.object({ name: z.string().trim().max(3), count: z.coerce.number() });
    expect(announcementOf(defineOperation({ name: 'echo', input, run }), loud)).toMatchObject({
      inputSchema: { properties: { name: { type: 'string', maxLength: 3 }, count: { type: 'number' } } },
      inputCheck: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
      inputCheckIsWhole: false,
    });
  });

  it.each<[string, () => unknown]>([
    ['a circle', () => circle()],
    ['a BigInt', () => ({ minimum: 1n })],
    ['a text', () => 'string'],
    ['a throw', () => Reflect.ownKeys(1 as never)],
    ['nothing', () => undefined],
  ])(
    'allows anything for people where the schema library gives what is no JSON Schema: %s',
    (_what, input) => {
      const schema = plainSchema();
      Object.assign(schema['~standard'], { jsonSchema: { input, output: input } });
      const announcement = announcementOf(
        defineOperation({ name: 'echo', input: schema, output: schema, run }),
        loud,
      );
      expect(announcement).toMatchObject({ inputSchema: true, outputSchema: true });
    },
  );

  it('leaves out parts of what NATS would not take, and says so', () => {
    const schema = z.object(
      Object.fromEntries(
        Array.from({ length: 100 }, (_, n) => [`n${n}`, z.string().describe('x'.repeat(900))]),
      ),
    );
    const operation = defineOperation({
      name: 'echo',
      description: 'Echoes.',
      input: schema,
      output: schema,
      run: () => ({}),
    });
    const said: string[] = [];
    const [roomy, leaner, least] = [1_000_000, 20_000, 400].map((room) =>
      announcementOf(operation, (sentence) => void said.push(sentence), room),
    );
    expect(roomy).toHaveProperty('outputSchema.properties');
    expect(leaner).toMatchObject({ inputSchema: true, description: 'Echoes.', inputCheckIsWhole: true });
    expect(least).toEqual({
      name: 'echo',
      inputSchema: true,
      inputCheck: true,
      inputCheckIsWhole: false,
      timeoutMs: 30_000,
      maxAttempts: 5,
    });
    expect(said).toHaveLength(2);
    expect(said[0]).toMatch(
      /^the announcement of echo is \d+ bytes of JSON, and at most 20000 are announced/,
    );
  });

  it('has no output schema and no description if the operation has none', () => {
    const announcement = announcementOf(defineOperation({ name: 'echo', input: z.unknown(), run }), loud);
    expect(Object.keys(announcement).sort()).toEqual([
      'inputCheck',
      'inputCheckIsWhole',
      'inputSchema',
      'maxAttempts',
      'name',
      'timeoutMs',
    ]);
  });
});

function circle(): unknown {
  const schema: Record<string, unknown> = {};
  return Object.assign(schema, { items: schema });
}

/** A list as arktype makes its paths: the methods of a list call its constructor with a length. */
class Path extends Array<PropertyKey> {
  constructor(...keys: PropertyKey[]) {
    super();
    this.push(...keys);
  }
}

describe('validating', () => {
  it('returns the output of the schema: defaults filled in, values transformed', async () => {
    const schema = z.object({ a: z.string().transform(Number), b: z.int().default(2) });
    expect(await validate(schema, { a: '1' }, 'input')).toEqual({ a: 1, b: 2 });
  });

  it('names each path that fails', async () => {
    const schema = z.object({ size: z.object({ width: z.int() }), tags: z.array(z.string()) });
    const error = await refusalOf(() => validate(schema, { size: { width: 'x' }, tags: ['a', 7] }, 'input'));
    expect(error.code).toBe('input-invalid');
    expect(error.violations.map(({ path }) => path)).toEqual(['/size/width', '/tags/1']);
    expect(error.message).toContain('the input does not fit its schema: /size/width ');
  });

  it('calls the whole value /', async () => {
    const error = await refusalOf(() => validate(z.string(), 7, 'output'));
    expect(error.violations).toMatchObject([{ path: '' }]);
    expect(error.message).toContain('the output does not fit its schema: / ');
  });

  it.each<[string, StandardSchemaV1.Issue['path'], string]>([
    ['keys', ['a', 0], '/a/0'],
    ['keys in objects', [{ key: 'a' }, { key: 1 }], '/a/1'],
    ['no path', undefined, ''],
    ['an empty path of a class whose constructor takes the keys', new Path(), ''],
    ['a path of such a class', new Path('a', 0), '/a/0'],
    ['a key with a slash', ['a/b'], '/a~1b'],
    ['a key with a tilde', ['a~b'], '/a~0b'],
  ])('writes %s as a JSON Pointer', async (_what, path, pointer) => {
    const issue = path === undefined ? { message: 'is wrong' } : { message: 'is wrong', path };
    const error = await refusalOf(() => validate(plainSchema([issue]), null, 'input'));
    expect(error.violations).toEqual([{ path: pointer, message: 'is wrong' }]);
  });

  it.each([undefined, null, 7, 'text', {}])(
    'does not take what is no answer of a schema: %j',
    async (answer) => {
      const schema = plainSchema();
      Object.assign(schema['~standard'], { validate: () => answer });
      await expect(validate(schema, 1, 'input')).rejects.toThrow(TypeError);
    },
  );

  it('says what a schema gave that gives no list of issues', async () => {
    const schema = plainSchema();
    Object.assign(schema['~standard'], { validate: () => ({ issues: 'is wrong' }) });
    await expect(validate(schema, 1, 'input')).rejects.toThrow('the schema of the input gave an object, not');
  });

  it.each<[string, unknown, string]>([
    ['no message', { path: ['a'] }, 'is not valid'],
    ['an empty message', { message: '', path: ['a'] }, 'is not valid'],
    ['a message of any length', { message: 'm'.repeat(1_000_000), path: ['a'] }, `${'m'.repeat(499)}…`],
  ])('gives a short sentence for a fault with %s', async (_what, issue, message) => {
    const error = await refusalOf(() => validate(plainSchema([issue as never]), null, 'input'));
    expect(error.violations).toEqual([{ path: '/a', message }]);
    expect(error.message.length).toBeLessThan(1_000);
  });

  it('says that a value does not fit if its schema names no fault, or one that cannot be read', async () => {
    for (const issues of [[], [null as never]]) {
      const error = await refusalOf(() => validate(plainSchema(issues), null, 'input'));
      expect(error.violations).toEqual([{ path: '', message: 'is not valid' }]);
    }
  });

  it('waits for an asynchronous schema', async () => {
    const slow = z.string().refine(async () => false, 'is taken');
    expect((await refusalOf(() => validate(slow, 'x', 'input'))).message).toContain('is taken');
  });
});
