import { flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';

/**
 * Lets V8 (Node 24) make all new objects where it collects them cheaply. By itself it makes those that lived long in the first
 * seconds of a busy worker among the old ones from then on. Each of them keeps all that its job leads to, until the next full garbage
 * collection: docs/decisions/worker.md, "The memory of jobs that have ended".
 *
 * Call it when all code is loaded: Node keeps compiled code for its next start only under the flags that it started with.
 */
export function keepObjectsYoung(): void {
  flushCompileCache();
  setFlagsFromString('--no-allocation-site-pretenuring');
}
