import { describe, expect, it } from 'vitest';
import { type Reply, refusal, unwrapReply } from '../../../edge/calls/reply.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { refusalOf } from '../../unit/support.ts';

/** What a call to a Durable Object does to its answer. */
const acrossMachines = <T>(reply: Reply<T>): Reply<T> => structuredClone(reply);

describe('a reply', () => {
  it('gives its value', () => {
    expect(unwrapReply(acrossMachines({ ok: true, value: { id: 'job-1' } }))).toEqual({ id: 'job-1' });
    expect(unwrapReply(acrossMachines({ ok: true, value: undefined }))).toBeUndefined();
  });

  it('throws the error that it holds, without its cause', async () => {
    const error = new ThroughlineError('operation-unknown', 'no worker has announced ecoh', {
      cause: new Error('canary'),
      violations: [{ path: '/operation', message: 'is unknown' }],
      suggestions: ['echo'],
      retryAfterSeconds: 5,
    });
    const reply = acrossMachines(refusal(error));
    expect(JSON.stringify(reply)).not.toContain('canary');
    const again = await refusalOf(() => unwrapReply(reply));
    const { code, message, violations, suggestions, retryAfterSeconds } = error;
    expect(again).toMatchObject({ code, message, violations, suggestions, retryAfterSeconds });
    expect(again.cause).toBeUndefined();
  });

  it('has no Retry-After when the error has none', async () => {
    const reply = acrossMachines(refusal(new ThroughlineError('internal', 'why')));
    expect((await refusalOf(() => unwrapReply(reply))).retryAfterSeconds).toBeUndefined();
  });
});
