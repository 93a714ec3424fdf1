import { describe, expect, it } from 'vitest';
import { CliError } from '../../../../cli/cli-error.ts';
import type { Environment } from '../../../../cli/config.ts';
import type { BaggagePair } from '../../../../cli/trace/baggage.ts';
import { CallerTrace } from '../../../../cli/trace/caller-trace.ts';
import type { Carrier } from '../../../../shared/propagation/index.ts';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03';

/** The headers that a submission without a collector sends, and its warnings. */
async function sent(
  environment: Environment,
  baggage: readonly BaggagePair[] = [],
): Promise<{ carrier: Carrier; warnings: string[] }> {
  const warnings: string[] = [];
  const warn = (sentence: string): void => void warnings.push(sentence);
  const caller = await CallerTrace.start({ environment, debug: false, baggage, warn });
  const carrier = await caller.run('submit echo', {}, async (injected) => injected);
  await caller.flush();
  return { carrier, warnings };
}

describe('a submission without a collector', () => {
  it('sends no traceparent, so that the edge decides whether its trace is recorded', async () => {
    expect(await sent({})).toEqual({ carrier: {}, warnings: [] });
  });

  it('sends the baggage also without a traceparent', async () => {
    expect((await sent({ BAGGAGE: 'run=7' })).carrier).toEqual({ baggage: 'run=7' });
    expect((await sent({}, [{ key: 'run', value: '8' }])).carrier).toEqual({ baggage: 'run=8' });
  });

  it("sends the environment's trace unchanged", async () => {
    const environment = { TRACEPARENT, TRACESTATE: 'ci=1', BAGGAGE: 'run=7' };
    expect(await sent(environment)).toEqual({
      carrier: { traceparent: TRACEPARENT, tracestate: 'ci=1', baggage: 'run=7' },
      warnings: [],
    });
  });

  it('ignores an empty variable', async () => {
    expect((await sent({ TRACEPARENT: '', TRACESTATE: '', BAGGAGE: '' })).warnings).toEqual([]);
  });

  it.each([
    [{ TRACEPARENT: 'nonsense' }, 'TRACEPARENT is ignored (malformed); the job starts a new trace', {}],
    [
      { TRACEPARENT: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` },
      'TRACEPARENT is ignored (zero-trace-id)',
      {},
    ],
    [
      { TRACEPARENT, TRACESTATE: 'A=1' },
      'part of TRACESTATE is left out (malformed-key)',
      { traceparent: TRACEPARENT },
    ],
    [{ BAGGAGE: 'a=1,b' }, 'part of BAGGAGE is left out (malformed)', { baggage: 'a=1' }],
  ])('warns about what it cannot continue, and sends the rest: %o', async (environment, warning, carrier) => {
    const { carrier: sentCarrier, warnings } = await sent(environment);
    expect(warnings).toEqual([expect.stringContaining(warning)]);
    expect(sentCarrier).toEqual(carrier);
  });

  it('names no trace when it fails without one', async () => {
    const options = { environment: {}, debug: false, baggage: [], warn: () => undefined };
    const caller = await CallerTrace.start(options);
    const failing = caller.run('submit echo', {}, async () => {
      throw new CliError('api-unreachable', 'away');
    });
    await expect(failing).rejects.toMatchObject({ code: 'api-unreachable', traceId: undefined });
  });

  it('names its trace when it fails', async () => {
    const options = { environment: { TRACEPARENT }, debug: false, baggage: [], warn: () => undefined };
    const caller = await CallerTrace.start(options);
    const failing = caller.run('submit echo', {}, async () => {
      throw new CliError('api-unreachable', 'away', { hint: 'look' });
    });
    await expect(failing).rejects.toMatchObject({
      code: 'api-unreachable',
      message: 'away',
      hint: 'look',
      traceId: TRACEPARENT.slice(3, 35),
    });
  });
});
