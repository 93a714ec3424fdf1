import { describe, expect, it } from 'vitest';
import { runOperation, startStack } from '../../../testing/index.ts';
import { count } from './operations.ts';

const TIMEOUT = 'must be a duration such as "5s", at most 24 hours';
const ATTEMPTS = 'must be a whole number from 1 to 100';
const TOKEN = 'must be 1 to 64 letters, digits, "-" or "_"';

describe('runOperation', () => {
  it.each<[object, string]>([
    [{ timout: '5s' }, 'there is no option "timout"; did you mean timeout?'],
    [{ colour: 'red' }, 'there is no option "colour"; the options are jobId, tenant, timeout,'],
    [{ timeout: 'x' }, `timeout ${TIMEOUT}`],
    [{ timeout: 5 }, `timeout ${TIMEOUT}`],
    [{ timeout: '25h' }, `timeout ${TIMEOUT}`],
    [{ maxAttempts: 0 }, `maxAttempts ${ATTEMPTS}`],
    [{ maxAttempts: 101 }, `maxAttempts ${ATTEMPTS}`],
    [{ jobId: 'a b' }, `jobId ${TOKEN}`],
    [{ tenant: '' }, `tenant ${TOKEN}`],
    [{ trace: '00-4bf9' }, 'trace must be an object with traceparent'],
    [{ jitter: 1 }, 'jitter must be a number from 0 up to'],
    [{ cancelAfterMs: -1 }, 'cancelAfterMs must be milliseconds, from 0 on'],
    [{ stopAfterMs: '1s' }, 'stopAfterMs must be milliseconds, from 0 on'],
    [{ cancel: true }, 'cancel must be an AbortSignal'],
    [{ time: 'quick' }, 'time must be "fake" or "real"'],
    [{ time: 'quick', jitter: 2 }, 'time must be "fake" or "real"; jitter must be'],
  ])('refuses %j, as a job with that cannot be', async (options, sentence) => {
    await expect(runOperation(count, { text: 'a' }, options)).rejects.toThrow(`runOperation: ${sentence}`);
  });

  it('takes undefined for an option that is not set', async () => {
    const options = { timeout: undefined, maxAttempts: undefined, trace: undefined } as object;
    expect((await runOperation(count, { text: 'a' }, options)).state).toBe('succeeded');
  });
});

describe('startStack', () => {
  it.each<[object, string]>([
    [{ operation: 'operations' }, 'operations must be the folder of the operations'],
    [{ operations: 'operations', workers: {} }, 'there is no option "workers"; did you mean worker?'],
    [{ operations: 'operations', edge: { TENANT_MAX_JOBS: 5 } }, 'edge.TENANT_MAX_JOBS must be a text'],
    [{ operations: 'operations', onLog: true }, 'onLog must be a function'],
  ])('refuses %j before anything starts', async (options, sentence) => {
    await expect(startStack(options as never)).rejects.toThrow(`startStack: ${sentence}`);
  });
});
