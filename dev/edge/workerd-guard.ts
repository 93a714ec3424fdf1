import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import path from 'node:path';
import { guardProcess } from '../machine/guard.ts';

/** Node tells of each process that this one starts (https://nodejs.org/api/diagnostics_channel.html#child-process). */
const CHANNEL = 'child_process';

/**
 * Lets each workerd that Miniflare starts from now on end with this process. Miniflare itself ends it only if this process is
 * not killed.
 * @returns a function that looks at no more processes
 */
export function guardWorkerd(): () => void {
  const look = (message: unknown): void => {
    const { process: child } = message as { readonly process: ChildProcess };
    child.once('spawn', () => guardIfWorkerd(child));
  };
  subscribe(CHANNEL, look);
  return () => unsubscribe(CHANNEL, look);
}

function guardIfWorkerd(child: ChildProcess): void {
  if (child.pid === undefined || path.parse(child.spawnfile).name !== 'workerd') return;
  const guard = guardProcess(child.pid);
  child.once('exit', () => guard.release());
}
