/** The thread of a {@link LoopWatch}. */
import type { Debugger } from 'node:inspector';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, workerData } from 'node:worker_threads';
import { NUMBER } from './watch-numbers.ts';

/** What the thread gets from the process that it watches. */
export interface WatchOrders {
  readonly service: string;
  /** See {@link NUMBER}. */
  readonly shared: Int32Array;
  /** After how many milliseconds to tell. */
  readonly tellAfterMs: number;
  readonly endLoadingAfterMs: number;
  readonly folder: string | undefined;
}

/** The thread counts its own turns. A clock would also count the time in which the whole machine is paused. */
const TURN_MS = 500;
/** Code inside Node itself, such as a system call that waits, cannot be paused. */
const PAUSE_MS = 2_000;

const RUNNING_LINES = {
  tell: 'the event loop is blocked: no job of this host goes on',
  end: 'the event loop stays blocked; the process ends',
};
/** `at` in the line has the file. */
const LOADING_LINES = {
  tell: 'a file of operations runs without a pause while it is loaded: the worker does not start',
  end: 'a file of operations still runs without a pause while it is loaded; the process ends',
};

if (!isMainThread) void watch(workerData as WatchOrders);

async function watch({
  service,
  shared,
  tellAfterMs,
  endLoadingAfterMs,
  folder,
}: WatchOrders): Promise<void> {
  let seen = Atomics.load(shared, NUMBER.beats);
  for (let blockedMs = 0; ; ) {
    await delay(TURN_MS);
    const now = Atomics.load(shared, NUMBER.beats);
    const endAfterMs = Atomics.load(shared, NUMBER.endAfterMs) || endLoadingAfterMs;
    const beforeMs = blockedMs;
    blockedMs = now === seen ? blockedMs + TURN_MS : 0;
    seen = now;
    const reached = (limitMs: number): boolean => beforeMs < limitMs && blockedMs >= limitMs;
    if (!reached(tellAfterMs) && !reached(endAfterMs)) continue;
    // The thread is small as long as nothing is wrong.
    const { createLogger } = await import('../log.ts');
    const log = createLogger(service, 'info', { isSync: true });
    const isLoading = Atomics.load(shared, NUMBER.endAfterMs) === 0;
    const lines = isLoading ? LOADING_LINES : RUNNING_LINES;
    log.error(
      { blocked_ms: blockedMs, ...(isLoading ? { folder } : {}), ...(await place()) },
      reached(endAfterMs) ? lines.end : lines.tell,
    );
    if (reached(endAfterMs)) process.kill(process.pid, 'SIGKILL');
  }
}

/** Where the code is that runs now; empty if that cannot be known. */
async function place(): Promise<{ readonly at?: string; readonly stack?: string }> {
  const { Session } = await import('node:inspector');
  const session = new Session();
  const files = new Map<string, string>();
  session.on('Debugger.scriptParsed', ({ params: { scriptId, url } }) => void files.set(scriptId, url));
  try {
    session.connectToMainThread();
    const paused = new Promise<readonly Debugger.CallFrame[]>((resolve) => {
      session.once('Debugger.paused', ({ params }) => resolve(params.callFrames));
    });
    session.post('Debugger.enable');
    session.post('Debugger.pause');
    const frames = await Promise.race([paused, delay(PAUSE_MS, [])]);
    const lines = frames.map((frame) => lineOf(frame, files.get(frame.location.scriptId) ?? ''));
    const at = lines.find((line) => line.includes('/') && !line.includes('/node_modules/'));
    return { ...(at === undefined ? {} : { at }), stack: lines.join('\n') };
  } finally {
    session.disconnect();
  }
}

function lineOf({ functionName, location }: Debugger.CallFrame, url: string): string {
  const file = url.startsWith('file:') ? fileURLToPath(url) : url;
  return `${functionName || 'anonymous'} (${file}:${location.lineNumber + 1})`;
}
