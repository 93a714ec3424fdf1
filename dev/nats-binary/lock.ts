import { mkdir, rm, stat, utimes } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const HEARTBEAT_MS = 1_000;
const STALE_MS = 10_000;
const POLL_MS = 100;
const PATIENCE_MS = 7 * 60_000;

/**
 * Runs `work` while it holds a lock, so that two processes do not both spend a minute on the same build.
 *
 * The lock is a folder. Its holder touches it every second. When it has not been touched for ten seconds, its holder
 * was killed, and the next process takes it. The lock only saves work: two processes that both run `work` do no harm,
 * since each result is put in place by one atomic rename.
 * @param onWait is called once when another process holds the lock
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
  let hasWaited = false;
  while (Date.now() < deadline) {
    if (await tryMakeDirectory(directory)) return true;
    if (await isStale(directory)) {
      await rm(directory, { recursive: true, force: true });
      continue;
    }
    if (!hasWaited) onWait();
    hasWaited = true;
    await sleep(POLL_MS);
  }
  return false;
}

/** `mkdir` is atomic: of two processes, only one makes the folder. */
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
    return false; // It was released meanwhile: the next mkdir will work.
  }
}

async function touch(directory: string): Promise<void> {
  const now = new Date();
  await utimes(directory, now, now).catch(() => undefined);
}
