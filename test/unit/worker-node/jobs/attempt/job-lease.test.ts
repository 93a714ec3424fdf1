import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { JobLease } from '../../../../../worker-node/jobs/attempt/job-lease.ts';

const ACK_WAIT_MS = 1_000;

let signs: number;
let lease: JobLease;
beforeEach(() => {
  vi.useFakeTimers();
  signs = 0;
  lease = new JobLease(ACK_WAIT_MS, () => void signs++);
});
afterEach(() => {
  lease.stop();
  vi.useRealTimers();
});

const answer = async (): Promise<void> => undefined;
/** The event loop does not run, but both clocks go on. */
const pauseProcess = (ms: number): void => {
  vi.setSystemTime(Date.now() + ms);
};

it('sends five keep-alives within an ack wait, until it is stopped', () => {
  vi.advanceTimersByTime(ACK_WAIT_MS);
  expect(signs).toBe(5);
  lease.stop();
  vi.advanceTimersByTime(ACK_WAIT_MS);
  expect(signs).toBe(5);
});

it('may be over 4/5 of the ack wait after the delivery', () => {
  vi.advanceTimersByTime(800);
  expect(lease.mayBeOver).toBe(false);
  vi.advanceTimersByTime(1);
  expect(lease.mayBeOver).toBe(true);
});

it('holds as long as the broker answers now and then', async () => {
  for (let round = 0; round < 10; round++) {
    vi.advanceTimersByTime(700);
    await lease.proveBy(answer);
    expect(lease.mayBeOver).toBe(false);
  }
});

it('may be over after a pause of the process, and holds again after one answer', async () => {
  pauseProcess(5_000);
  expect(lease.mayBeOver).toBe(true);
  await lease.proveBy(answer);
  expect(signs).toBe(1);
  expect(lease.mayBeOver).toBe(false);
});

it('is not shown to hold by an answer that took longer than the pause between two keep-alives', async () => {
  vi.advanceTimersByTime(700);
  await lease.proveBy(async () => pauseProcess(201));
  expect(lease.mayBeOver).toBe(true);
});
