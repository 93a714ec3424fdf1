import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { StopCalls } from '../../../../worker-node/jobs/stop-calls.ts';

it('calls all that are there when the signal aborts, with one listener', () => {
  const calls = new StopCalls();
  const stop = new AbortController();
  const called: string[] = [];
  const add = (name: string) => {
    const call = (): void => void called.push(name);
    calls.add(stop.signal, call);
    return call;
  };
  const gone = add('gone');
  add('first');
  add('second');
  calls.delete(stop.signal, gone);
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);
  stop.abort();
  expect(called).toEqual(['first', 'second']);
});

it('removes its listener with the last call, and adds one for the next call', () => {
  const calls = new StopCalls();
  const stop = new AbortController();
  const called: string[] = [];
  const [first, second] = ['first', 'second'].map((name) => (): void => void called.push(name));
  if (first === undefined || second === undefined) throw new Error('the test is wrong');
  calls.add(stop.signal, first);
  calls.add(stop.signal, second);
  calls.delete(stop.signal, first);
  calls.delete(stop.signal, second);
  calls.delete(stop.signal, second);
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
  calls.add(stop.signal, second);
  stop.abort();
  expect(called).toEqual(['second']);
});

it('calls those of one signal when that one aborts', () => {
  const calls = new StopCalls();
  const one = new AbortController();
  const other = new AbortController();
  const called: string[] = [];
  calls.add(one.signal, () => void called.push('one'));
  calls.add(other.signal, () => void called.push('other'));
  other.abort();
  expect(called).toEqual(['other']);
});

it('a call may delete itself and others meanwhile', () => {
  const calls = new StopCalls();
  const stop = new AbortController();
  const called: string[] = [];
  const second = (): void => void called.push('second');
  const first = (): void => {
    called.push('first');
    calls.delete(stop.signal, first);
    calls.delete(stop.signal, second);
  };
  calls.add(stop.signal, first);
  calls.add(stop.signal, second);
  stop.abort();
  expect(called).toEqual(['first']);
});
