import { describe, expect, it, vi } from 'vitest';
import type { SubmitAnswer } from '../../../edge/calls/commands.ts';
import { type Reply, unwrapReply } from '../../../edge/calls/reply.ts';
import { InputRulesCache } from '../../../edge/http/input-rules-cache.ts';
import { submitChecked, submitOneChecked } from '../../../edge/http/requests/checked-submission.ts';
import type { PreparedJob } from '../../../edge/http/requests/submission.ts';
import type { Logger } from '../../../edge/telemetry/log.ts';
import { InputSchema } from '../../../edge/validation/input-schema.ts';
import { StepBudget } from '../../../edge/validation/step-budget.ts';
import type { JsonSchema } from '../../../shared/api/operation.ts';
import { unavailable } from '../../../shared/errors.ts';
import { refusalOf } from '../../unit/support.ts';
import { job } from './app-support.ts';

const NUMBER = { type: 'number' };
const TEXT = { type: 'string' };

function prepared(jobId: string, input: unknown, operation = 'echo'): PreparedJob {
  return {
    tenant: 'acme',
    jobId,
    operation,
    input,
    inputJson: JSON.stringify(input),
    acceptedAt: '2026-01-01T00:00:00.000Z',
    spec: {},
    waitMs: 0,
  };
}

/** A bridge that asks for a check by the rules of the moment; its rules may change with each call. */
function setup(...rules: readonly JsonSchema[]) {
  const sent: (readonly PreparedJob[])[] = [];
  const rulesNow = () => {
    const schema = rules[Math.min(sent.length, rules.length) - 1] ?? true;
    return { digest: JSON.stringify(schema), schema };
  };
  const answerTo = ({ jobId, inputCheck }: PreparedJob): SubmitAnswer => {
    const isChecked = inputCheck?.digest === rulesNow().digest || inputCheck?.outcome === 'rulesChanged';
    if (!isChecked) return { outcome: 'rules-needed', rules: rulesNow() };
    if (inputCheck.outcome === 'refused') return { outcome: 'refused' };
    return { outcome: 'submitted', job: job({ id: jobId }), replayed: false };
  };
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() } satisfies Logger;
  const tools = { inputRules: new InputRulesCache(), log };
  const submit = (...jobs: readonly PreparedJob[]) =>
    submitChecked(jobs, tools, async (commands) => {
      sent.push(commands);
      return commands.map((command): Reply<SubmitAnswer> => ({ ok: true, value: answerTo(command) }));
    });
  const outcomes = () => sent.map((commands) => commands.map(({ inputCheck }) => inputCheck?.outcome));
  return { submit, sent, outcomes, log, tools };
}

describe('a submission of one job', () => {
  it('is checked again by newer rules, and gives the answer of the bridge as it is', async () => {
    const { tools } = setup();
    const rules = { digest: 'new', schema: NUMBER };
    const sent: unknown[] = [];
    const answer = await submitOneChecked(prepared('a', 1), tools, async ({ inputCheck }) => {
      sent.push(inputCheck);
      if (inputCheck === undefined) return { outcome: 'rules-needed', rules };
      return { outcome: 'accepted', json: '{"id":"a"}' };
    });
    expect(answer).toEqual({ outcome: 'accepted', json: '{"id":"a"}' });
    expect(sent).toEqual([undefined, { digest: 'new', outcome: 'passed' }]);
  });

  it('is refused when its input does not fit the rules', async () => {
    const { tools } = setup();
    const rules = { digest: 'new', schema: NUMBER };
    const refused = submitOneChecked(prepared('a', 'text'), tools, async ({ inputCheck }) =>
      inputCheck === undefined ? { outcome: 'rules-needed', rules } : { outcome: 'refused' },
    );
    await expect(refused).rejects.toMatchObject({ code: 'input-invalid' });
  });
});

describe('a submission', () => {
  it('takes one call, once the rules are known', async () => {
    const { submit, sent } = setup(NUMBER);
    await submit(prepared('a', 1));
    const before = sent.length;
    for (const id of ['b', 'c', 'd']) await submit(prepared(id, 1));
    expect([before, sent.length]).toEqual([2, 5]);
  });

  it('that does not fit is refused with its paths, and the bridge gets no input', async () => {
    const { submit, sent } = setup(NUMBER);
    const [reply] = await submit(prepared('a', { large: 'x' }));
    const error = await refusalOf(() => reply && unwrapReply(reply));
    expect(error.code).toBe('input-invalid');
    expect(error.message).toBe(
      'the input does not fit the schema of echo: the input must be a number, not an object',
    );
    expect(error.violations).toEqual([{ path: '', message: 'must be a number, not an object' }]);
    expect(sent.at(-1)?.[0]).toMatchObject({ input: null, inputJson: 'null' });
  });

  it('is checked again by newer rules, and then has its input again', async () => {
    const { submit, sent, outcomes } = setup(NUMBER, NUMBER, TEXT);
    await submit(prepared('a', 1));
    const [reply] = await submit(prepared('b', 'x'));
    expect(reply?.ok).toBe(true);
    expect(outcomes()).toEqual([[undefined], ['passed'], ['refused'], ['passed']]);
    expect(sent.at(-1)?.[0]?.inputJson).toBe('"x"');
  });

  it('is left to the worker if the rules change again and again', async () => {
    const { submit, outcomes } = setup(NUMBER, TEXT, NUMBER, TEXT);
    const [reply] = await submit(prepared('a', 1));
    expect(reply?.ok).toBe(true);
    expect(outcomes().flat().at(-1)).toBe('rulesChanged');
  });

  it('goes on without a verdict if the check fails, and the log says so', async () => {
    const { submit, outcomes, log } = setup(NUMBER);
    const check = vi
      .spyOn(InputSchema.prototype, 'check')
      .mockReturnValue({ outcome: 'failed', thrown: new RangeError('too deep') });
    const [reply] = await submit(prepared('a', 1));
    check.mockRestore();
    expect(reply?.ok).toBe(true);
    expect(outcomes()).toEqual([[undefined], ['failed']]);
    expect(log.error).toHaveBeenCalledWith('the check of an input failed', {
      operation: 'echo',
      reason: 'too deep',
    });
  });

  it('passes an error of the bridge on', async () => {
    const { tools } = setup();
    const send = async () => {
      throw new Error('away');
    };
    await expect(submitChecked([prepared('a', 1)], tools, send)).rejects.toThrow('away');
  });
});

describe('the submissions of a batch', () => {
  it('are each checked, with one call for all', async () => {
    const { submit, sent } = setup(NUMBER);
    await submit(prepared('first', 1));
    const calls = sent.length;
    const replies = await submit(prepared('a', 1), prepared('b', 'x'), prepared('c', 2));
    expect(replies.map(({ ok }) => ok)).toEqual([true, false, true]);
    expect(sent.length - calls).toBe(1);
  });

  it('are sent again only if their rules are new', async () => {
    const { submit, sent } = setup(NUMBER);
    await submit(prepared('first', 1));
    const calls = sent.length;
    const replies = await submit(prepared('a', 1), prepared('b', 1, 'other'), prepared('c', 2));
    expect(replies.map((reply) => reply.ok && reply.value.job.id)).toEqual(['a', 'b', 'c']);
    expect(sent.slice(calls).map((commands) => commands.map(({ jobId }) => jobId))).toEqual([
      ['a', 'b', 'c'],
      ['b'],
    ]);
  });

  it('share one budget: what is beyond it is left to the worker', async () => {
    const { submit, outcomes } = setup({ items: NUMBER });
    const full = Array(90_000).fill(1);
    await submit(prepared('first', [1]));
    const replies = await submit(...Array.from({ length: 16 }, (_, index) => prepared(`j${index}`, full)));
    expect(replies.every(({ ok }) => ok)).toBe(true);
    const last = outcomes().at(-1) ?? [];
    expect(last[0]).toBe('passed');
    expect(last.at(-1)).toBe('overBudget');
  });
});

describe('a batch of which the bridge took some jobs, and then failed', () => {
  const submitThen = (failure: Error, tools: ReturnType<typeof setup>['tools']) => {
    let round = 0;
    return submitChecked([prepared('a', 1, 'free'), prepared('b', 1, 'checked')], tools, async (jobs) => {
      if (++round > 1) throw failure;
      return jobs.map(({ jobId, operation }): Reply<SubmitAnswer> => {
        const taken = { outcome: 'submitted', job: job({ id: jobId }), replayed: false } as const;
        const asked = { outcome: 'rules-needed', rules: { digest: 'new', schema: NUMBER } } as const;
        return { ok: true, value: operation === 'free' ? taken : asked };
      });
    });
  };

  it('is answered with the jobs that were taken', async () => {
    const { tools, log } = setup();
    expect(await submitThen(unavailable('the bridge is busy'), tools)).toMatchObject([
      { ok: true, value: { job: { id: 'a' } } },
      { ok: false, error: { code: 'broker-unavailable' } },
    ]);
    expect(log.error).not.toHaveBeenCalled();
  });

  it('leaves a line of what went wrong if that is a fault of the edge', async () => {
    const { tools, log } = setup();
    const replies = await submitThen(new TypeError('x is not a function'), tools);
    expect(replies).toMatchObject([{ ok: true }, { ok: false, error: { code: 'internal' } }]);
    expect(log.error.mock.calls).toEqual([['a request failed', { reason: 'x is not a function' }]]);
  });
});

describe('the rules that an isolate knows', () => {
  it('are those of the operations whose rules it got last', () => {
    const cache = new InputRulesCache();
    const schema = { enum: [`a value as long as ${'x'.repeat(100_000)}`] };
    for (let index = 0; index < 30; index++) cache.put(`op${index}`, { digest: `${index}`, schema });
    const known = Array.from({ length: 30 }, (_, index) => cache.get(`op${index}`)?.digest);
    expect(known).toEqual(known.map((_, index) => (index < 20 ? undefined : `${index}`)));
  });

  it('are fewer where their patterns are large in memory', () => {
    const cache = new InputRulesCache();
    const allOf = Array.from({ length: 50 }, (_, index) => ({
      pattern: `${'[a-z]{250}'.repeat(7)}${index}`,
    }));
    for (let index = 0; index < 10; index++) {
      cache.put(`op${index}`, { digest: `${index}`, schema: { allOf } });
      cache.get(`op${index}`)?.schema.check('', new StepBudget(1e6));
    }
    const known = Array.from({ length: 10 }, (_, index) => cache.get(`op${index}`)?.digest);
    expect(known).toEqual(known.map((_, index) => (index < 7 ? undefined : `${index}`)));
  });

  it('are replaced by newer ones of the same operation', () => {
    const cache = new InputRulesCache();
    for (let index = 0; index < 30; index++) cache.put('op', { digest: `${index}`, schema: true });
    expect(cache.get('op')?.digest).toBe('29');
  });
});
