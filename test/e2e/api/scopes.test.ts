import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiKey, hashApiKey } from '../../../shared/api/access.ts';
import { Job } from '../../../shared/job/job.ts';
import { entriesOf, KEYS, LIST, sendTo } from '../../support/http/access.ts';
import { bodyOf } from '../../support/http/answers.ts';
import { startTokenIssuer, type TokenIssuer, tokenSettings } from '../../support/http/token-issuer.ts';
import { problemOf, startTestStack, type TestStack } from '../../support/stack.ts';

const limited = createApiKey('limited');

let issuer: TokenIssuer;
let stack: TestStack;
beforeAll(async () => {
  issuer = await startTokenIssuer();
  const entry = {
    id: 'limited',
    tenant: 'acme',
    hash: await hashApiKey(limited),
    scopes: ['jobs:write:text.*', 'jobs:cancel', 'dead-letters:redrive'],
  };
  stack = await startTestStack({
    edge: {
      API_KEYS: JSON.stringify([...JSON.parse(await entriesOf()), entry]),
      ...tokenSettings(issuer),
      JWT_TYP: 'at+jwt',
      // The audit comes all the same.
      LOG_LEVEL: 'error',
    },
  });
});
afterAll(() => issuer.stop());

const submit = (credentials: string, headers: Record<string, string> = {}): Promise<Response> =>
  stack.submit(
    { operation: 'echo', input: 'canary' },
    { authorization: `Bearer ${credentials}`, ...headers },
  );

describe('a key with jobs:write alone', () => {
  it('A31: reads no result, neither by waiting nor by the same idempotency key', async () => {
    const keyed = { 'idempotency-key': 'scopes-1' };
    const waited = await submit(KEYS.writer, { ...keyed, prefer: 'wait=30' });
    expect(waited.status).toBe(200);
    const replayed = await submit(KEYS.writer, keyed);
    expect(replayed.headers.get('idempotency-replayed')).toBe('true');
    for (const answer of [waited, replayed]) {
      const ended = await bodyOf(Job, answer);
      expect(ended.state).toBe('succeeded');
      expect(ended).not.toHaveProperty('result');
    }
  });
});

describe('a key whose jobs:write is limited to operations', () => {
  it('A31: neither submits nor cancels a job of another one, and the audit says so', async () => {
    expect((await submit(limited)).status).toBe(403);
    const { id } = await bodyOf(Job, submit(KEYS.writer));
    const cancelled = await stack.call(`/v1/jobs/${id}`, {
      method: 'DELETE',
      // Cloudflare sets this header.
      headers: { authorization: `Bearer ${limited}`, 'cf-connecting-ip': '192.0.2.7' },
    });
    expect(cancelled.status).toBe(403);
    const { traceId } = await problemOf(cancelled);
    expect(await stack.logged(({ msg, job_id }) => msg === 'audit' && job_id === id)).toEqual([
      expect.objectContaining({
        action: 'cancel',
        outcome: 'forbidden',
        tenant: 'acme',
        key_id: 'limited',
        client_address: '192.0.2.7',
        trace_id: traceId,
      }),
    ]);
  });
});

describe('a deployment that names the type of its tokens', () => {
  it('A31: takes no other token of the same issuer', async () => {
    const ask = async (typ: string | undefined) => {
      const token = await issuer.token('acme', 'jobs:read', { header: { typ } });
      return (await sendTo(stack.url, LIST, token)).status;
    };
    expect(await ask('at+jwt')).toBe(200);
    expect(await ask('application/AT+JWT')).toBe(200);
    expect(await ask('JWT')).toBe(401);
    expect(await ask(undefined)).toBe(401);
  });

  it('names whom a token is for in the audit', async () => {
    const token = await issuer.token('acme', 'jobs:cancel', {
      header: { typ: 'at+jwt' },
      claims: { sub: 'ann' },
    });
    await sendTo(stack.url, { method: 'DELETE', path: '/v1/jobs/nobody' }, token);
    const [line] = await stack.logged(({ msg, job_id }) => msg === 'audit' && job_id === 'nobody');
    expect(line).toMatchObject({ subject: 'ann', outcome: 'job-unknown' });
  });
});
