/** The program of `pace.ts`. */
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pace, PaceFigures } from './pace.ts';

const TURN_MS = 2;

// It ends with the process that started it.
process.once('disconnect', () => process.exit());
process.once('message', (pace: Pace) => void run(pace).then((figures) => process.send?.(figures)));

async function run(pace: Pace): Promise<PaceFigures> {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const times: number[] = [];
  const counted = { sent: 0, failed: 0 };
  const began = performance.now();
  const all: Promise<void>[] = [];
  const total = Math.round((pace.perSecond * pace.ms) / 1_000);
  for (let n = 0; n < total; ) {
    for (; n < total && dueAt(pace, n, began) <= performance.now(); n++) {
      const due = dueAt(pace, n, began);
      const counts = due - began >= pace.warmUpMs;
      if (counts) counted.sent++;
      const sent = send(pace, agent).then((ok) => {
        if (!counts) return;
        if (ok) times.push(performance.now() - due);
        else counted.failed++;
      });
      all.push(sent);
    }
    await delay(TURN_MS);
  }
  await Promise.all(all);
  const seconds = (performance.now() - began - pace.warmUpMs) / 1_000;
  agent.destroy();
  return { ...counted, perSecond: times.length / seconds, times };
}

function dueAt({ perSecond }: Pace, n: number, began: number): number {
  return began + (n / perSecond) * 1_000;
}

/** @returns whether the answer was a success */
function send({ url, method, headers, body }: Pace, agent: Agent): Promise<boolean> {
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve) => {
    const sent = request(url, { method, agent, headers: { ...headers, ...length } }, (answer) => {
      answer
        .on('end', () => resolve((answer.statusCode ?? 500) < 300))
        .on('error', () => resolve(false))
        .resume();
    });
    sent.on('error', () => resolve(false)).end(body);
  });
}
