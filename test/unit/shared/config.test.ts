import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { flag, optionalText, parseConfig, url, wholeNumber } from '../../../shared/config.ts';
import { refusalOf } from '../support.ts';

const Settings = z.object({
  PORT: wholeNumber(1, 65_535, 8_081),
  DEBUG: flag(false),
  TOKEN: optionalText,
  URL: url('ws', 'wss'),
});
const URL_OK = { URL: 'wss://nats.example' };

const parse = (values: Record<string, unknown>) => parseConfig(Settings, { ...URL_OK, ...values });

describe('settings', () => {
  it('have their defaults', () => {
    expect(parse({})).toEqual({ PORT: 8_081, DEBUG: false, TOKEN: undefined, URL: 'wss://nats.example' });
  });

  it('that are empty texts count as not set', () => {
    expect(parse({ PORT: '', DEBUG: '', TOKEN: '' })).toEqual(parse({}));
  });

  it('that the schema does not have are left out', () => {
    expect(parse({ OTHER: 'x' })).not.toHaveProperty('OTHER');
  });

  it('that are wrong are all named in the same error', async () => {
    const error = await refusalOf(() => parse({ PORT: '0', DEBUG: 'yes', TOKEN: 7, URL: 'nowhere' }));
    expect(error.code).toBe('config-invalid');
    for (const key of ['PORT', 'DEBUG', 'TOKEN', 'URL']) expect(error.message).toContain(`${key}: must be `);
    expect(error.message).not.toContain('\n');
  });

  it('that are missing are named', async () => {
    const error = await refusalOf(() => parseConfig(Settings, {}));
    expect(error.message).toBe('URL: must be a URL that starts with ws:// or wss://');
  });

  it('never show their values', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uuid(), async (canary) => {
        const values = { PORT: canary, DEBUG: canary, TOKEN: [canary], URL: `http://user:${canary}@host` };
        expect((await refusalOf(() => parse(values))).message).not.toContain(canary);
      }),
      { numRuns: 20 },
    );
  });
});

describe('a whole number', () => {
  it.each([
    ['1', 1],
    ['65535', 65_535],
    [8_080, 8_080],
  ])('may be %j', (value, expected) => {
    expect(parse({ PORT: value }).PORT).toBe(expected);
  });

  it.each(['0', '65536', '-1', '1.5', 'many', '1e9', 'NaN', 'Infinity', '12 34', null, {}])(
    'is not %j',
    async (value) => {
      expect((await refusalOf(() => parse({ PORT: value }))).message).toContain(
        'PORT: must be a whole number from 1 to 65535',
      );
    },
  );
});

describe('a flag', () => {
  it.each([
    ['true', true],
    ['1', true],
    [true, true],
    ['false', false],
    ['0', false],
    [false, false],
  ])('may be %j', (value, expected) => {
    expect(parse({ DEBUG: value }).DEBUG).toBe(expected);
  });

  it.each(['yes', 'TRUE', 'on', 2, null])('is not %j', async (value) => {
    expect((await refusalOf(() => parse({ DEBUG: value }))).message).toBe('DEBUG: must be true or false');
  });
});

describe('a URL', () => {
  it.each(['ws://127.0.0.1:4222', 'WSS://nats.example/path'])('may be %j', (value) => {
    expect(parse({ URL: value }).URL).toBe(value);
  });

  it.each(['', 'nats.example', 'http://nats.example', 'javascript:alert(1)', 'ws://', '://', 4_222])(
    'is not %j',
    async (value) => {
      expect((await refusalOf(() => parse({ URL: value }))).message).toMatch(/^URL: must be a URL/);
    },
  );
});
