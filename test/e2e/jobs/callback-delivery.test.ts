import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { callbackSecretsFor } from '../../../shared/callback-secrets.ts';
import { createCallbackSecret } from '../../../shared/text/secret.ts';
import {
  CallbackSystem,
  cloudEvent,
  MAX_ATTEMPTS,
  SECRETS,
  settings,
  TIMEOUT_MS,
  UNSIGNED_KEY,
} from '../../support/callbacks.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { inTurn, status, verified } from '../../support/http/callback-receiver.ts';
import { until } from '../../support/poll.ts';
import { withTestStack } from '../../support/stack.ts';

let system: CallbackSystem;
beforeAll(async () => {
  system = await CallbackSystem.start();
});

describe('a callback', () => {
  it('that is not accepted is sent again, with the same body and id, and follows no redirect', async () => {
    system.receiver.answer(
      '/again',
      inTurn(status(500), status(302, { location: '/elsewhere' }), status(200)),
    );
    const sent = await system.submit(system.to('/again'));
    const events = await system.callbacksOf(sent.id);
    expect(events).toMatchObject([
      { kind: 'callback-retrying', attempt: 1, status: 500, error: { code: 'callback-failed' } },
      { kind: 'callback-retrying', attempt: 2, status: 302, retryInMs: expect.any(Number) },
      { kind: 'callback-delivered', attempt: 3, status: 200 },
    ]);
    const all = system.receiver.at('/again');
    expect(all).toHaveLength(3);
    expect(new Set(all.map(({ body }) => body)).size).toBe(1);
    expect(new Set(all.map((one) => one.headers['webhook-id'])).size).toBe(1);
    // Each delivery is a span of its own.
    expect(new Set(all.map((one) => one.headers.traceparent)).size).toBe(3);
    for (const one of all) expect(await verified(one, SECRETS[0])).toContain(true);
    expect(system.receiver.at('/elsewhere')).toEqual([]);
  });

  it('is given up when its attempts are spent', async () => {
    system.receiver.answer('/never', status(500));
    const sent = await system.submit(system.to('/never'));
    const events = await system.callbacksOf(sent.id);
    expect(events).toHaveLength(MAX_ATTEMPTS);
    expect(events.at(-1)).toMatchObject({ kind: 'callback-failed', attempt: MAX_ATTEMPTS, status: 500 });
    expect(system.receiver.at('/never')).toHaveLength(MAX_ATTEMPTS);
    expect((await system.read(sent.id)).state).toBe('succeeded');
    await until('the queue to be empty', async () => (await system.pending()) === 0);
  });

  it('that no worker can sign is not sent, but tried again until its attempts are spent', async () => {
    const asUnsigned = { authorization: `Bearer ${UNSIGNED_KEY}` };
    const sent = await system.submit(system.to('/unsigned'), asUnsigned);
    const events = await system.callbacksOf(sent.id, 1, asUnsigned);
    expect(events.map(({ kind, error }) => `${kind} ${error?.code}`)).toEqual([
      ...Array(MAX_ATTEMPTS - 1).fill('callback-retrying callback-unsigned'),
      'callback-failed callback-unsigned',
    ]);
    expect(system.receiver.at('/unsigned')).toEqual([]);
    const [line] = await system.stack.logged(
      ({ job_id, msg }) => job_id === sent.id && msg === 'callback not delivered yet',
    );
    expect(line).toMatchObject({
      level: 'warn',
      code: 'callback-unsigned',
      reason: expect.stringContaining('CALLBACK_SECRET'),
    });
  });

  it('that no worker could sign is delivered once the operator has set the secret', async () => {
    const secret = createCallbackSecret();
    const patient = {
      ...settings(system.receiver.origin),
      CALLBACK_MAX_ATTEMPTS: '100',
      CALLBACK_RETRY_MIN_MS: '200',
    };
    const stack = await withTestStack({ worker: { ...patient, CALLBACK_SECRET: '' } });
    const asDev = { authorization: `Bearer ${stack.apiKey}` };
    const sent = await system.submit(system.to('/later'), asDev, stack);
    await until('the first try', async () => (await system.history(sent.id, '', asDev, stack)).length > 2);
    await stack.worker.stop();
    await stack.addWorker({ CALLBACK_SECRET: secret });
    const events = await system.callbacksOf(sent.id, 1, asDev, stack);
    expect(events.at(-1)).toMatchObject({ kind: 'callback-delivered' });
    const [received] = await system.arrived('/later');
    const [derived = ''] = await callbackSecretsFor('demo', { CALLBACK_SECRET: secret });
    expect(received && (await verified(received, derived))).toEqual([true]);
  });

  it('is given up immediately when its receiver is gone', async () => {
    system.receiver.answer('/gone', status(410));
    const sent = await system.submit(system.to('/gone'));
    expect(await system.callbacksOf(sent.id)).toMatchObject([
      { kind: 'callback-failed', attempt: 1, status: 410, error: { code: 'callback-gone' } },
    ]);
  });

  it('waits as long as its receiver asks, within bounds', async () => {
    system.receiver.answer('/busy', inTurn(status(503, { 'retry-after': '3600' }), status(204)));
    const sent = await system.submit(system.to('/busy'));
    expect(await system.callbacksOf(sent.id)).toMatchObject([
      { status: 503, retryInMs: 200 },
      { status: 204 },
    ]);
  });

  it('has a time limit for the answer, and does not read an answer without end', async () => {
    system.receiver.answer(
      '/slow',
      inTurn(() => undefined, status(204)),
    );
    const closed = Promise.withResolvers<void>();
    system.receiver.answer('/endless', (response) => {
      response.on('close', closed.resolve).writeHead(200);
      const chunk = Buffer.alloc(64 * 1024, 0x2e);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', more);
      more();
    });
    const slow = await system.submit(system.to('/slow'));
    const endless = await system.submit(system.to('/endless'));
    expect(await system.callbacksOf(slow.id)).toMatchObject([
      { kind: 'callback-retrying', error: { message: `no answer within ${TIMEOUT_MS} ms` } },
      { kind: 'callback-delivered', attempt: 2 },
    ]);
    expect(await system.callbacksOf(endless.id)).toMatchObject([{ kind: 'callback-delivered', status: 200 }]);
    await closed.promise;
  });
});

describe('a callback survives', () => {
  it('a stay in the outbox: the job is sent later, or cancelled there', async () => {
    const own = await withTestStack({ worker: settings(system.receiver.origin) });
    const none = {};
    await own.run('echo', 'before');
    await own.nats.kill('SIGKILL');
    const pending = await system.submit(system.to('/pending'), none, own);
    const cancelled = await system.submit(system.to('/unsent'), none, own);
    expect([pending.durability, cancelled.durability]).toEqual(['outbox', 'outbox']);
    expect((await own.call(`/v1/jobs/${cancelled.id}`, { method: 'DELETE' })).status).toBe(200);
    await own.nats.restart();
    const [sent] = await system.arrived('/pending');
    const [unsent] = await system.arrived('/unsent');
    expect(sent && cloudEvent(sent).data).toMatchObject({ id: pending.id, state: 'succeeded' });
    expect(unsent && cloudEvent(unsent).data).toMatchObject({
      id: cancelled.id,
      state: 'cancelled',
      traceId: cancelled.traceId,
    });
    const [event] = await system.callbacksOf(cancelled.id, 1, none, own);
    expect(event?.traceId).toBe(cancelled.traceId);
  });

  it('its worker, which is killed, or stopped, or cannot store it', async () => {
    const effects = path.join(await scratchFolder(), 'effects');
    const own = await withTestStack({
      operationsFolder: 'test/fixtures/operations',
      worker: {
        ...settings(system.receiver.origin),
        CALLBACK_TIMEOUT_MS: '30000',
        WORKER_STOP_TIMEOUT_MS: '100',
        WORKER_CONCURRENCY: '1',
      },
    });
    const none = {};

    // Killed while the receiver has not answered. A delivery that did not come to an end is no attempt.
    system.receiver.answer(
      '/killed',
      inTurn(() => undefined, status(204)),
    );
    const first = await system.submit(system.to('/killed'), none, own);
    await system.arrived('/killed');
    await own.worker.kill('SIGKILL');
    const second = await own.addWorker();
    const [unanswered, delivered] = await system.arrived('/killed', 2);
    expect(delivered?.headers['webhook-id']).toBe(unanswered?.headers['webhook-id']);
    expect(await system.callbacksOf(first.id, 1, none, own)).toMatchObject([
      { kind: 'callback-delivered', attempt: 1 },
    ]);

    // Stopped while the receiver has not answered: handed back immediately, not after the ack wait.
    system.receiver.answer(
      '/stopped',
      inTurn(() => undefined, status(204)),
    );
    const stopped = await system.submit(system.to('/stopped'), none, own);
    await system.arrived('/stopped');
    await Promise.all([own.addWorker(), second.stop()]);
    await system.arrived('/stopped', 2);
    await own.logged(({ msg }) => msg === 'callback handed back');
    expect(await system.callbacksOf(stopped.id, 1, none, own)).toMatchObject([
      { kind: 'callback-delivered' },
    ]);

    // A queued job that is cancelled: no worker ever gets it.
    const front = await system.submit({ operation: 'test.mode', input: { mode: 'hang' } }, none, own);
    await until('it to run', async () => (await system.read(front.id, none, own)).state === 'running');
    const queued = await system.submit(system.to('/cancelled'), none, own);
    expect((await own.call(`/v1/jobs/${queued.id}`, { method: 'DELETE' })).status).toBe(200);
    const [cancelled] = await system.arrived('/cancelled');
    expect(cancelled && (await verified(cancelled, own.callbackSecret))).toEqual([true]);
    expect(cancelled && cloudEvent(cancelled)).toMatchObject({
      data: { state: 'cancelled', traceId: queued.traceId },
    });
    await own.call(`/v1/jobs/${front.id}`, { method: 'DELETE' });

    // The broker does not store the callback. The job is settled only after it does, and is not run again.
    const connection = await connect({ servers: own.nats.url });
    onTestFinished(() => connection.close());
    const manager = await jetstreamManager(connection);
    await manager.streams.update('CALLBACKS', { max_bytes: 1 });
    const input = { mode: 'done', effects };
    const unsettled = await system.submit(
      { operation: 'test.mode', input, ...system.to('/unsettled') },
      none,
      own,
    );
    await until('the failure', () =>
      own.logs().some(({ msg }) => String(msg).startsWith('the broker fails')),
    );
    await manager.streams.update('CALLBACKS', { max_bytes: -1 });
    await system.arrived('/unsettled');
    expect(await system.callbacksOf(unsettled.id, 1, none, own)).toMatchObject([
      { kind: 'callback-delivered' },
    ]);
    expect(await readFile(effects, 'utf8')).toBe(`${unsettled.id} 1\n`);
  });
});
