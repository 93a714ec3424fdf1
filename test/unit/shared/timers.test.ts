import { glob, readFile } from 'node:fs/promises';
import { type Argument, type CallExpression, type Expression, parseSync, Visitor } from 'oxc-parser';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withDeadline } from '../../../shared/deadline.ts';
import { pause, startInterval, startTimeLimit, startTimer } from '../../../shared/timers.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Longer than one timer of the platform holds, by a little and by far. */
const LONG_MS = [2 ** 31 - 1, 2 ** 31, 30 * DAY_MS, 400 * DAY_MS];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Checks that `fired` is called exactly when `ms` have passed. */
async function expectAfter(ms: number, fired: () => void): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms - 1);
  expect(fired).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(fired).toHaveBeenCalledOnce();
}

describe.each(LONG_MS)('%d ms', (ms) => {
  it('pass before a timer fires', async () => {
    const fired = vi.fn();
    startTimer(ms, fired);
    await expectAfter(ms, fired);
  });

  it('pass between two ticks of an interval', async () => {
    const tick = vi.fn();
    const interval = startInterval(ms, tick);
    await expectAfter(ms, tick);
    await vi.advanceTimersByTimeAsync(ms);
    expect(tick).toHaveBeenCalledTimes(2);
    interval.stop();
  });

  it('pass before a pause, a time limit and a deadline end', async () => {
    const ended = vi.fn();
    const limit = startTimeLimit(ms);
    limit.signal.addEventListener('abort', ended);
    pause(ms).then(ended, ended);
    withDeadline(new Promise(() => undefined), ms, () => new Error('late')).catch(ended);
    await vi.advanceTimersByTimeAsync(ms - 1);
    expect(ended).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(ended).toHaveBeenCalledTimes(3);
    expect(limit.signal.reason).toMatchObject({ name: 'TimeoutError' });
  });
});

describe('a timer', () => {
  it.each([0, -1, Number.NEGATIVE_INFINITY])('of %d ms fires as soon as possible', async (ms) => {
    const fired = vi.fn();
    startTimer(ms, fired);
    await vi.advanceTimersByTimeAsync(0);
    expect(fired).toHaveBeenCalledOnce();
  });

  it('does not fire before a fraction of a millisecond is over', async () => {
    const fired = vi.fn();
    startTimer(1.5, fired);
    await expectAfter(2, fired);
  });

  it('of an infinite time never fires, and holds nothing', () => {
    startTimer(Number.POSITIVE_INFINITY, () => undefined);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not take what is not a number', () => {
    expect(() => startTimer(Number.NaN, () => undefined)).toThrow(RangeError);
  });

  it('that is stopped never fires, also in a later part of a long time', async () => {
    const fired = vi.fn();
    const timers = [startTimer(400 * DAY_MS, fired), startInterval(400 * DAY_MS, fired)];
    await vi.advanceTimersByTimeAsync(100 * DAY_MS);
    for (const timer of timers) timer.stop();
    await vi.advanceTimersByTimeAsync(1_000 * DAY_MS);
    expect(fired).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a pause', () => {
  it('ends with the reason of its signal, at once', async () => {
    const stop = new AbortController();
    const paused = pause(60_000, stop.signal);
    stop.abort(new Error('stopped'));
    await expect(paused).rejects.toThrow('stopped');
    await expect(pause(60_000, stop.signal)).rejects.toThrow('stopped');
    expect(vi.getTimerCount()).toBe(0);
  });
});

/** The functions of a platform that take a duration, and which of their arguments it is. */
const TIMERS: Readonly<Record<string, number>> = {
  setTimeout: 1,
  setInterval: 1,
  'AbortSignal.timeout': 0,
  'scheduler.wait': 0,
};
const SHIPPED = ['client', 'cli', 'edge', 'shared', 'worker-node'];

describe('every duration that is not a constant', () => {
  it('enters a timer through shared/timers.ts', async () => {
    const files: string[] = [];
    for await (const file of glob(SHIPPED.map((folder) => `${folder}/**/*.ts`))) files.push(file);
    expect(files.length).toBeGreaterThan(200);
    const others = files.filter((file) => file !== 'shared/timers.ts');
    expect((await Promise.all(others.map(unsafeTimers))).flat()).toEqual([]);
  });
});

/** The calls in a file that give a platform's timer a duration whose size the program does not fix. */
async function unsafeTimers(file: string): Promise<string[]> {
  const source = await readFile(file, 'utf8');
  const { program } = parseSync(file, source);
  const fromNode = /import \{ setTimeout as (\w+)[^}]*\} from 'node:timers\/promises'/.exec(source)?.[1];
  const found: string[] = [];
  const check = (call: CallExpression): void => {
    const name = nameOf(call.callee);
    const place = name === fromNode ? 0 : TIMERS[name];
    if (place === undefined || isConstant(call.arguments[place])) return;
    found.push(`${file}: ${source.slice(call.start, call.end)}`);
  };
  new Visitor({ CallExpression: check }).visit(program);
  return found;
}

function nameOf(callee: Expression): string {
  if (callee.type === 'Identifier') return callee.name;
  if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return '';
  return `${nameOf(callee.object)}.${callee.property.name}`.replace('globalThis.', '');
}

/** A number, or a constant of a file: `LIMIT_MS`, `DRAIN.ms`. */
function isConstant(duration: Argument | undefined): boolean {
  if (duration?.type === 'Literal') return true;
  if (duration?.type === 'MemberExpression') return isConstant(duration.object);
  return duration?.type === 'Identifier' && /^[A-Z][A-Z_]*$/.test(duration.name);
}
