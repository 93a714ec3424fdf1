import { expect, it } from 'vitest';
import { shortAnswer } from '../../../edge/bridge/short-answer.ts';
import type { SubmitAnswer } from '../../../edge/calls/commands.ts';
import { job } from '../http/app-support.ts';

const NEW = { outcome: 'submitted', job: job({ id: 'a' }), replayed: false } as const;
const NOW = { jobId: 'a', takesJson: true, waitMs: 0 } as const;

it('a new job that waits is answered with its JSON', () => {
  expect(shortAnswer(NOW, NEW)).toEqual({ outcome: 'accepted', json: JSON.stringify(NEW.job) });
});

it.each<[string, Parameters<typeof shortAnswer>[0], SubmitAnswer]>([
  ['an edge of an earlier version', { jobId: 'a', waitMs: 0 }, NEW],
  ['a caller who waited for the end', { ...NOW, waitMs: 1_000 }, NEW],
  ['a replay', NOW, { ...NEW, replayed: true }],
  ['a job that was there already', NOW, { ...NEW, existing: true }],
  ['a job that has ended', NOW, { ...NEW, job: job({ id: 'a', state: 'succeeded' }) }],
  ['a job with the id of an earlier one of its key', { ...NOW, jobId: 'b' }, NEW],
  ['an input that was refused', NOW, { outcome: 'refused' }],
])('the answer stays as it is for %s', (_whom, command, answer) => {
  expect(shortAnswer(command, answer)).toBe(answer);
});
