import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { hostEnvironment } from '../../dev/machine/environment.ts';

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
/** All may pass through it: PostgreSQL runs as another user. */
const PASS_THROUGH = 0o711;

let isMade = false;

/**
 * Gives this process, and all that it starts, a folder of its own for temporary files. The folder is removed when this process
 * ends, also by a signal. Safe to repeat.
 */
export function keepTemporaryFilesTogether(): void {
  if (isMade) return;
  isMade = true;
  const folder = mkdtempSync(path.join(tmpdir(), 'throughline-bench-'));
  chmodSync(folder, PASS_THROUGH);
  hostEnvironment().TMPDIR = folder;
  // Programs that were killed just now may still write.
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  process.on('exit', remove);
  for (const [signal, code] of Object.entries(SIGNALS))
    process.once(signal, () => {
      // A program that listens itself ends in its own way.
      if (process.listenerCount(signal) > 0) return;
      // Once more, after all other listeners: those end the programs that were started.
      process.on('exit', remove);
      process.exit(code);
    });
}
