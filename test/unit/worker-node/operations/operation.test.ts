import { describe, expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import { defineOperation, isOperation } from '../../../../worker-node/operations/operation.ts';
import { HOSTILE, revoked } from '../../../support/authors-mistakes.ts';
import { refusalOf } from '../../support.ts';

const fail = (): never => {
  throw new Error('not for you');
};
const least = { name: 'math.add', input: z.unknown(), run: () => 7 };

describe('an operation', () => {
  it('has complete settings', () => {
    expect(defineOperation(least)).toMatchObject({
      name: 'math.add',
      description: undefined,
      output: undefined,
      timeoutMs: 30_000,
      maxAttempts: 5,
      concurrency: Number.POSITIVE_INFINITY,
      retry: { minDelayMs: 1_000, maxDelayMs: 60_000 },
    });
  });

  it('takes the settings that it is given', () => {
    const retry = { minDelayMs: 5 };
    const given = { ...least, timeout: '2h', maxAttempts: 1, concurrency: 2, retry, description: 'Adds.' };
    expect(defineOperation(given)).toMatchObject({
      description: 'Adds.',
      timeoutMs: 7_200_000,
      maxAttempts: 1,
      concurrency: 2,
      retry: { minDelayMs: 5, maxDelayMs: 60_000 },
    });
  });

  it('may limit how many run and start, for each value of a key', () => {
    const rateLimit = { key: '/customer/id', limit: 10, period: '1m' } as const;
    expect(
      defineOperation({ ...least, concurrency: { key: 'tenant', limit: 2, perHost: 4 }, rateLimit }),
    ).toMatchObject({
      concurrency: 4,
      concurrencyLimit: { key: 'tenant', limit: 2 },
      rateLimit: { key: '/customer/id', limit: 10, periodMs: 60_000 },
    });
    expect(defineOperation({ ...least, concurrency: 2 })).not.toHaveProperty('concurrencyLimit');
  });

  it('is recognized, even when another copy of the module made it', () => {
    expect(isOperation(defineOperation(least))).toBe(true);
    const foreign = Object.defineProperty({}, Symbol.for('throughline.operation'), { value: true });
    expect(isOperation(foreign)).toBe(true);
  });

  it.each([undefined, null, 'math.add', () => 7, least, {}])('is not %j', (value) => {
    expect(isOperation(value)).toBe(false);
  });

  it.each<[string, Record<string, unknown>]>([
    ['name', { name: '' }],
    ['name', { name: 'Math.Add' }],
    ['name', { name: 'math.*' }],
    ['name', { name: 'a b' }],
    ['name', { name: 'x'.repeat(129) }],
    ['name', { name: undefined }],
    ['input', { input: undefined }],
    ['input', { input: { type: 'object' } }],
    ['output', { output: { type: 'object' } }],
    ['timeout', { timeout: '30' }],
    ['timeout', { timeout: '0s' }],
    ['timeout', { timeout: '25h' }],
    ['timeout', { timeout: 30 }],
    ['maxAttempts', { maxAttempts: 0 }],
    ['maxAttempts', { maxAttempts: 101 }],
    ['maxAttempts', { maxAttempts: 1.5 }],
    ['maxAttempts', { maxAttempts: '5' }],
    ['concurrency', { concurrency: 0 }],
    ['concurrency', { concurrency: Number.NaN }],
    ['concurrency', { concurrency: { key: 'customer', limit: 1 } }],
    ['concurrency', { concurrency: { key: '/customer', limit: 1_001 } }],
    ['concurrency', { concurrency: { key: '/customer' } }],
    ['rateLimit.key', { rateLimit: { key: 'customer', limit: 1, period: '1s' } }],
    ['rateLimit.limit', { rateLimit: { key: 'tenant', limit: 0, period: '1s' } }],
    ['rateLimit.period', { rateLimit: { key: 'tenant', limit: 1, period: '10ms' } }],
    ['rateLimit.period', { rateLimit: { key: 'tenant', limit: 1, period: '25h' } }],
    ['retry', { retry: { minDelayMs: Number.NaN } }],
    ['retry', { retry: { minDelayMs: -1 } }],
    ['run', { run: undefined }],
  ])('with a wrong %s is refused, naming operation and setting: %j', async (setting, wrong) => {
    const definition = { ...least, ...wrong };
    const error = await refusalOf(() => defineOperation(definition as typeof least));
    expect(error.code).toBe('config-invalid');
    expect(error.message).toContain(setting);
    expect(error.message).toMatch(/^operation /);
    if (setting !== 'name') expect(error.message).toContain('math.add');
  });
});

describe('a wrong limit by key', () => {
  const KEY = 'must be "tenant" or a JSON Pointer into the input, such as "/customer/id", not';
  const LIMIT = 'must be a whole number from 1 to 1000, not';
  const PERIOD = 'must be like "1m", from 1s to 24h, not';
  const right = { key: '/customer', limit: 2 };
  const cases: [string, unknown, string][] = [
    ['key', 'customer', `${KEY} the text "customer"`],
    ['key', '', `${KEY} an empty text`],
    ['key', 'Tenant', `${KEY} the text "Tenant"`],
    ['key', '/a~2', `${KEY} the text "/a~2"`],
    ['key', 7, `${KEY} 7`],
    ['key', undefined, `${KEY} undefined`],
    ['limit', 0, `${LIMIT} 0`],
    ['limit', 5_000, `${LIMIT} 5000`],
    ['limit', 1.5, `${LIMIT} 1.5`],
    ['limit', '2', `${LIMIT} the text "2"`],
    ['limit', undefined, `${LIMIT} undefined`],
    ['period', '10ms', `${PERIOD} `],
    ['period', 60, `${PERIOD} 60`],
    ['period', 'soon', `${PERIOD} `],
    ['perHost', 0, 'must be a whole number from 1 to 1000000, not 0'],
    ['limits', 2, 'did you mean limit?'],
  ];
  const settingsWith = (name: string) => {
    if (name === 'period') return ['rateLimit'];
    return name === 'perHost' ? ['concurrency'] : ['concurrency', 'rateLimit'];
  };
  it.each(cases)(
    'is refused with one sentence that says what its %s must be: %j',
    async (name, value, sentence) => {
      for (const setting of settingsWith(name)) {
        const period = setting === 'rateLimit' ? { period: '1m' } : {};
        const wrong = { ...least, [setting]: { ...right, ...period, [name]: value } };
        const { message } = await refusalOf(() => defineOperation(wrong as typeof least));
        expect(message).toMatch(new RegExp(`^operation math\\.add: [^;]*\\b${setting}\\.${name}\\b`));
        expect(message).toContain(sentence);
        expect(message.split('; ')).toHaveLength(name === 'limits' ? 2 : 1);
      }
    },
  );

  it.each([0, 'many', null, [2], Number.NaN])(
    'is told both forms where it is no object: %j',
    async (concurrency) => {
      const { message } = await refusalOf(() => defineOperation({ ...least, concurrency } as typeof least));
      expect(message).toContain(
        'concurrency must be a whole number of 1 or more, or { key, limit, perHost }',
      );
    },
  );
});

describe('the settings of an operation', () => {
  it('cannot be changed once they are checked', () => {
    const operation = defineOperation(least);
    expect(() => Object.assign(operation, { timeoutMs: '5s' })).toThrow(TypeError);
    expect(isOperation({ ...operation })).toBe(false);
    expect(isOperation(Object.create(operation))).toBe(false);
  });

  it('may be those of an object whose code refers to itself', () => {
    class Adder {
      readonly name = 'math.add';
      readonly input = z.unknown();
      run(): string {
        return this.name;
      }
    }
    expect(defineOperation(new Adder()).run({} as never)).toBe('math.add');
  });
});

describe('a setting that an operation does not have', () => {
  it.each<[Record<string, unknown>, string]>([
    [{ maxattempts: 3 }, 'there is no setting "maxattempts"; did you mean maxAttempts?'],
    [{ max_attempts: 3 }, 'there is no setting "max_attempts"; did you mean maxAttempts?'],
    [{ retries: 3 }, 'there is no setting "retries"; did you mean retry?'],
    [{ timeoutMs: 3 }, 'there is no setting "timeoutMs"; did you mean timeout?'],
    [{ retry: { minDelay: 3 } }, 'there is no setting "retry.minDelay"; did you mean minDelayMs?'],
    [{ toString: () => 'a' }, 'there is no setting "toString"; the settings are name'],
    [{ priority: 3 }, 'there is no setting "priority"; the settings are name, description, input'],
  ])('is refused at start, and the near name is told: %j', async (more, sentence) => {
    const error = await refusalOf(() => defineOperation({ ...least, ...more }));
    expect(error).toMatchObject({ code: 'config-invalid' });
    expect(error.message).toContain(`operation math.add: ${sentence}`);
  });
});

it('a property that some code gave to every object is called that, and no setting', async () => {
  const everyObject = Object.prototype as { isEmpty?: () => boolean };
  everyObject.isEmpty = () => false;
  onTestFinished(() => void delete everyObject.isEmpty);
  const { message } = await refusalOf(() => defineOperation({ ...least, concurrency: 1 }));
  expect(message).toMatch(/^operation math.add: some code has added "isEmpty" to Object.prototype/);
});

it('a schema of a library from before Standard Schema is told which zod is new enough', async () => {
  const old = { parse: () => 1, safeParse: () => 1 };
  const { message } = await refusalOf(() => defineOperation({ ...least, input: old as never }));
  expect(message).toBe(
    'operation math.add: input must be a Standard Schema, such as one of zod, from version 3.24 on',
  );
});

describe('the pauses of an operation', () => {
  it.each<[Record<string, unknown>, string]>([
    [{ minDelayMs: 5_000, maxDelayMs: 50 }, 'minDelayMs must not be larger than maxDelayMs'],
    [{ minDelayMs: 1e15, maxDelayMs: 1e16 }, 'retry.minDelayMs must be milliseconds from 0 to 86400000'],
    [{ maxDelayMs: Number.POSITIVE_INFINITY }, 'retry.maxDelayMs must be milliseconds'],
    [{ maxDelayMs: '50' }, 'retry.maxDelayMs must be milliseconds'],
  ])('are refused at start if they make no sense: %j', async (retry, sentence) => {
    const error = await refusalOf(() => defineOperation({ ...least, retry } as typeof least));
    expect(error.message).toContain(sentence);
  });

  it.each([
    [{ minDelayMs: 120_000 }, { minDelayMs: 120_000, maxDelayMs: 120_000 }],
    [{ maxDelayMs: 50 }, { minDelayMs: 50, maxDelayMs: 50 }],
    [{}, { minDelayMs: 1_000, maxDelayMs: 60_000 }],
  ])('make sense if only one is given: %j', (retry, policy) => {
    expect(defineOperation({ ...least, retry }).retry).toEqual(policy);
  });
});

describe('what is no definition', () => {
  it.each([undefined, null, 7, 'math.add', () => 7, [least]])(
    'is refused in a sentence: %s',
    async (definition) => {
      const error = await refusalOf(() => defineOperation(definition as never));
      expect(error).toMatchObject({ code: 'config-invalid' });
      expect(error.message).toMatch(/^defineOperation was given .*, not an object$/);
    },
  );

  it.each<[string, () => object]>([
    ['a proxy', () => HOSTILE],
    ['a proxy that is revoked', () => revoked({})],
    [
      'a getter',
      () => ({
        ...least,
        timeout: undefined,
        get description() {
          return fail();
        },
      }),
    ],
    [
      'a schema with a getter',
      () => ({
        ...least,
        input: {
          get '~standard'() {
            return fail();
          },
        },
      }),
    ],
  ])('is refused in a sentence if it throws when it is read: %s', async (_what, definition) => {
    const error = await refusalOf(() => defineOperation(definition() as typeof least));
    expect(error).toMatchObject({ code: 'config-invalid' });
    expect(error.message).toMatch(/^defineOperation was given an? \w+ that throws when it is read$/);
  });

  it('is named as it is, although its name is empty', async () => {
    const { message } = await refusalOf(() => defineOperation({ ...least, name: '' }));
    expect(message).toMatch(/^operation "": name must be /);
  });

  it('names every wrong setting at once', async () => {
    const wrong = { name: 'math.add', timeout: 30, run: 7, input: { '~standard': {} } };
    const { message } = await refusalOf(() => defineOperation(wrong as never));
    for (const setting of ['input must', 'timeout must', 'run must']) expect(message).toContain(setting);
  });
});
