import { hkdfSync } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import { CALLBACKS_STREAM } from '../../../shared/nats/streams.ts';
import { createCallbackSecret } from '../../../shared/text/secret.ts';
import {
  type CallbackReceiver,
  type Received,
  startCallbackReceiver,
  verified,
} from '../../support/http/callback-receiver.ts';
import { until } from '../../support/poll.ts';
import { type TestStack, withTestStack } from '../../support/stack.ts';
import { tenants } from '../../support/tenants.ts';

const { callers, API_KEYS } = await tenants('alpha', 'beta');
type Name = keyof typeof callers;

async function startReceiver(): Promise<CallbackReceiver> {
  const receiver = await startCallbackReceiver();
  onTestFinished(() => receiver.stop());
  return receiver;
}

async function submit(stack: TestStack, tenant: Name, url: string): Promise<void> {
  const response = await callers[tenant].submit(stack.url, {
    operation: 'echo',
    input: 1,
    callback: { url },
  });
  if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`);
}

const arrived = (receiver: CallbackReceiver, path: string): Promise<Received> =>
  until(`a callback at ${path}`, () => receiver.at(path)[0]);

/** The secret that a worker derives for a tenant from a master secret, with the HKDF of Node. */
function derived(master: string, tenant: string): string {
  const key = Buffer.from(master.slice('whsec_'.length), 'base64');
  const bytes = hkdfSync('sha256', key, '', `throughline/callbacks/${tenant}`, 32);
  return `whsec_${Buffer.from(bytes).toString('base64')}`;
}

it('a secret of one tenant never verifies the callback of another, and each callback names its tenant and receiver', async () => {
  const receiver = await startReceiver();
  const next = createCallbackSecret();
  const current = createCallbackSecret();
  const stack = await withTestStack({
    edge: { API_KEYS },
    worker: { CALLBACK_ALLOW: receiver.origin, CALLBACK_SECRET: `${next},${current}` },
  });
  for (const tenant of ['alpha', 'beta'] as const)
    await submit(stack, tenant, `${receiver.origin}/${tenant}?k=1`);
  const callback = { alpha: await arrived(receiver, '/alpha'), beta: await arrived(receiver, '/beta') };

  expect(await verified(callback.beta, derived(next, 'beta'))).toEqual([true, false]);
  expect(await verified(callback.beta, derived(current, 'beta'))).toEqual([false, true]);
  for (const secret of [derived(next, 'alpha'), derived(current, 'alpha'), next, current])
    expect(await verified(callback.beta, secret)).toEqual([false, false]);
  expect(await verified(callback.alpha, derived(next, 'alpha'))).toEqual([true, false]);
  for (const tenant of ['alpha', 'beta'] as const) {
    const { body, headers } = callback[tenant];
    expect(JSON.parse(body)).toMatchObject({
      id: headers['webhook-id'],
      tenant,
      audience: receiver.origin,
    });
  }
});

it('the callbacks of one tenant to a receiver that never answers do not hold up those of another', async () => {
  const silent = await startReceiver();
  const good = await startReceiver();
  silent.answer('/silent', () => undefined);
  const stack = await withTestStack({
    edge: { API_KEYS },
    worker: {
      CALLBACK_ALLOW: `${silent.origin}, ${good.origin}`,
      CALLBACK_CONCURRENCY: '10',
      // No POST of alpha comes to an end while the test runs.
      CALLBACK_TIMEOUT_MS: '60000',
      WORKER_STOP_TIMEOUT_MS: '0',
    },
  });
  const nats = await connect({ servers: stack.nats.url });
  onTestFinished(() => nats.close());
  const manager = await jetstreamManager(nats);
  const waiting = async (): Promise<number> => (await manager.streams.info(CALLBACKS_STREAM)).state.messages;
  await Promise.all(Array.from({ length: 60 }, () => submit(stack, 'alpha', `${silent.origin}/silent`)));
  await until("alpha's callbacks to wait", async () => (await waiting()) === 60);
  await until("one of alpha's to be under way", () => silent.at('/silent').length > 0);

  await submit(stack, 'beta', `${good.origin}/good`);
  await arrived(good, '/good');
  expect(await waiting()).toBeGreaterThanOrEqual(60);
  // Alpha has at most half of the ten slots.
  expect(silent.at('/silent').length).toBeLessThanOrEqual(5);
});
