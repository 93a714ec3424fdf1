import { mkdir, rm, stat, utimes } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const HEARTBEAT_MS = 1_000;
const STALE_MS = 10_000;
const PATIENCE_MS = 7 * 60_000;

/**
 * Runs `work` while holding a lock directory, so that two processes do not both spend a minute building.
 *
 * The holder touches the lock every second; one left by a killed process is taken over after ten. The lock
 * only saves work: whoever gives up waiting, or wrongly takes over after a suspend, does the work twice and
 * harms nothing, since results are put in place by one atomic rename.
 */
export async function withLock<T>(directory: string, work: () => Promise<T>, onWait: () => void): Promise<T> {
  const held = await acquire(directory, onWait);
  const heartbeat = setInterval(() => void touch(directory), HEARTBEAT_MS).unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    if (held) await rm(directory, { recursive: true, force: true });
  }
}

async function acquire(directory: string, onWait: () => void): Promise<boolean> {
  const deadline = Date.now() + PATIENCE_MS;
  let told = false;
  while (Date.now() < deadline) {
    if (await tryMakeDirectory(directory)) return true;
    if (await isStale(directory)) {
      await rm(directory, { recursive: true, force: true });
      continue;
    }
    if (!told) onWait();
    told = true;
    await sleep(100);
  }
  return false;
}

/** `mkdir` either makes the directory or fails: that is the lock's one atomic step. */
async function tryMakeDirectory(directory: string): Promise<boolean> {
  try {
    await mkdir(directory);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function isStale(directory: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(directory)).mtimeMs > STALE_MS;
  } catch {
    return false; // Released between the two looks: the next mkdir tells.
  }
}

async function touch(directory: string): Promise<void> {
  const now = new Date();
  await utimes(directory, now, now).catch(() => undefined);
}
