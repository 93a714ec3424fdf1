import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  quoteWarnings,
  spacedSettings,
  WORKER_SETTING_NAMES,
  workerConfig,
} from '../../../worker-node/config.ts';
import { sentenceOf } from '../../support/setting-names.ts';
import { refusalOf } from '../support.ts';

describe("the worker's settings", () => {
  it('all have defaults', () => {
    expect(workerConfig({})).toMatchObject({
      NATS_URL: { servers: ['nats://127.0.0.1:4222'] },
      WORKER_GROUP: 'workers',
      WORKER_OPERATIONS: ['>'],
      WORKER_CONCURRENCY: 10,
      HEALTH_HOST: '127.0.0.1',
      HEALTH_PORT: 8_081,
      HTTP_REQUEST_ALLOW: '',
      LOG_LEVEL: 'info',
      DEBUG: false,
    });
    expect(workerConfig({}).WORKER_NAME).toContain(String(process.pid));
  });

  it.each([
    ['NATS_URL', 'nats.internal:4222'],
    ['NATS_URL', 'http://nats.internal'],
    ['WORKER_GROUP', 'a group'],
    ['WORKER_GROUP', 'group.one'],
    ['WORKER_GROUP', '*'],
    ['WORKER_GROUP', 'x'.repeat(65)],
    ['WORKER_OPERATIONS', '**'],
    ['WORKER_OPERATIONS', 'Image.>'],
    ['WORKER_NAME', 'x'.repeat(129)],
    ['WORKER_CONCURRENCY', '0'],
    ['WORKER_CONCURRENCY', 'many'],
    ['WORKER_ACK_WAIT_MS', '999'],
    ['WORKER_MAX_ACK_PENDING', '-1'],
    ['WORKER_STOP_TIMEOUT_MS', '20s'],
    ['STREAM_REPLICAS', '6'],
    ['HEALTH_PORT', '65536'],
    ['LOG_LEVEL', 'loud'],
    ['DEBUG', 'maybe'],
  ])('%s may not be %j, and the error names the setting and hides the value', async (key, value) => {
    const error = await refusalOf(() => workerConfig({ [key]: value }));
    expect(error.code).toBe('config-invalid');
    expect(error.message).toMatch(new RegExp(`^${key}: `));
    if (value.length > 2) expect(error.message).not.toContain(value);
  });

  it.each(WORKER_SETTING_NAMES)('%s says in our words what it must be, whatever it is set to', (name) => {
    for (const value of ['x'.repeat(5_000), '\u0000', ' ', '-1', '1e9', '[]', '{}', 'null', '://', ',']) {
      expect(sentenceOf(() => workerConfig({ [name]: value }))).toMatch(/^$|: (must|has|needs|contradicts) /);
    }
  });

  it('name a file as seen from the folder in which the worker starts', () => {
    expect(workerConfig({ NATS_CREDS_FILE: 'a/b.creds' }).NATS_CREDS_FILE).toBe(path.resolve('a/b.creds'));
    expect(workerConfig({ NATS_CREDS_FILE: '/a/b.creds' }).NATS_CREDS_FILE).toBe('/a/b.creds');
  });

  it('are all named when several are wrong', async () => {
    const error = await refusalOf(() =>
      workerConfig({ HEALTH_PORT: 'x', LOG_LEVEL: 'x', WORKER_GROUP: '.' }),
    );
    for (const key of ['HEALTH_PORT', 'LOG_LEVEL', 'WORKER_GROUP'])
      expect(error.message).toContain(`${key}: `);
  });

  it.each(['NATS_USER', 'NATS_PASSWORD', 'NATS_TOKEN', 'NATS_CREDS_FILE'] as const)(
    '%s is unset when it is an empty text',
    (key) => {
      expect(workerConfig({ [key]: '' })[key]).toBeUndefined();
    },
  );

  it.each([
    ['*', ['>']],
    ['image.*', ['image.>']],
    ['image.resize', ['image.resize']],
    [' mail.send , image.*,mail.send', ['image.>', 'mail.send']],
  ])('take the operations %j as %j, since an env file for a shell cannot hold ">"', (written, read) => {
    expect(workerConfig({ WORKER_OPERATIONS: written }).WORKER_OPERATIONS).toEqual(read);
  });

  it.each([
    ['image.resize,image.*', 'image.> and image.resize take the same jobs; leave one out'],
    ['image.*,image.small.*', 'image.> and image.small.> take the same jobs; leave one out'],
    ['*,echo', '> and echo take the same jobs; leave one out'],
    ['echo,Image', 'must be an operation, a prefix such as image.*, or *, or a comma list of the first two'],
    ['echo,,mail', 'must be an operation, a prefix such as image.*, or *, or a comma list of the first two'],
    [Array.from({ length: 33 }, (_, n) => `o${n}`).join(), 'must name at most 32 operations and prefixes'],
  ])('refuse the operations %j: %s', async (written, sentence) => {
    const error = await refusalOf(() => workerConfig({ WORKER_OPERATIONS: written }));
    expect(error.message).toContain('WORKER_OPERATIONS: ');
    expect(error.message).toContain(sentence);
  });

  it.each(['"quoted"', "'quoted'"])('are named when their value is %s', async (value) => {
    expect(quoteWarnings({ NATS_PASSWORD: value, WORKER_NAME: 'a"b"' })).toEqual([
      expect.stringMatching(/^NATS_PASSWORD has quotes around its value/),
    ]);
    const error = await refusalOf(() => workerConfig({ WORKER_GROUP: value }));
    expect(error.message).toContain('WORKER_GROUP has quotes around its value');
  });

  it.each(['10\r', ' 10', '10\n', '\ufeff10', '10\u200b'])(
    'are named when nobody sees why %j does not fit',
    async (value) => {
      const error = await refusalOf(() => workerConfig({ WORKER_CONCURRENCY: value }));
      expect(error.message).toContain('WORKER_CONCURRENCY begins or ends with white space or a line end');
    },
  );

  it('are named when white space at an end is a part of a secret', () => {
    const spaced = spacedSettings({ NATS_PASSWORD: 'secret\n', NATS_URL: 'nats://a\n', NATS_USER: 'a b' });
    expect(spaced.filter(({ counts }) => counts)).toEqual([
      { counts: true, sentence: expect.stringMatching(/^NATS_PASSWORD begins or ends with white space/) },
    ]);
  });

  it('are named once each, however much is wrong with one', async () => {
    const { message } = await refusalOf(() => workerConfig({ WORKER_CONCURRENCY: '9'.repeat(20) }));
    expect(message).toBe('WORKER_CONCURRENCY: must be a whole number from 1 to 10000');
  });

  it('keep the health server on this machine when HEALTH_HOST is an empty text', () => {
    // An empty host would make Node listen on every address.
    expect(workerConfig({ HEALTH_HOST: '' }).HEALTH_HOST).toBe('127.0.0.1');
  });
});
