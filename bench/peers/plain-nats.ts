import { fileURLToPath } from 'node:url';
import { startNatsServer } from '../../dev/nats-server/start.ts';
import type { WorkerFigures } from '../support/measure.ts';
import { type QueueRun, startQueueProgram } from './queue-run.ts';

const PROGRAM = fileURLToPath(new URL('plain-nats-program.ts', import.meta.url));

/** Measures the plain worker of `plain-nats-program.ts` on a nats-server of its own. @param events that it stores for each job */
export async function measurePlainNats(
  binary: string,
  run: QueueRun,
  events: number,
): Promise<WorkerFigures> {
  const server = await startNatsServer({ binary });
  try {
    const queue = await startQueueProgram(PROGRAM, run, { url: server.url, events });
    try {
      return await queue.measure(server.pid);
    } finally {
      queue.kill();
    }
  } finally {
    await server.stop();
  }
}
