import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('pace-process.ts', import.meta.url));

/** Requests that are sent at their time, whether or not the ones before them were answered. */
export interface Pace {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly perSecond: number;
  readonly ms: number;
  /** Requests of the first part are not counted. */
  readonly warmUpMs: number;
}

/** What became of a pace. */
export interface PaceFigures {
  readonly sent: number;
  readonly failed: number;
  /** Successes a second, from the first request that counts to the last answer. */
  readonly perSecond: number;
  /** Of each success in milliseconds, from the moment at which the request was due to its whole answer. */
  readonly times: readonly number[];
}

/** Sends requests at a pace from a process of its own. */
export async function sendAtPace(pace: Pace): Promise<PaceFigures> {
  const child = fork(PROGRAM);
  const ended = once(child, 'exit').then((): never => {
    throw new Error('the program that sends requests has ended');
  });
  child.send(pace);
  const [figures] = (await Promise.race([once(child, 'message'), ended])) as [PaceFigures];
  child.kill();
  await ended.catch(() => undefined);
  return figures;
}
