/** The program of `load.ts` where there is no wrk. It ends when it has told what it did. */
import { Agent, request } from 'node:http';
import type { Load, LoadFigures } from './load.ts';

process.once('message', (load: Load) => void run(load).then((figures) => process.send?.(figures)));

async function run(load: Load): Promise<LoadFigures> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.connections });
  const until = performance.now() + load.ms;
  const figures = { requests: 0, failed: 0 };
  const loop = async (): Promise<void> => {
    while (performance.now() < until) {
      if (!(await send(load, agent))) figures.failed++;
      figures.requests++;
    }
  };
  const since = performance.now();
  await Promise.all(Array.from({ length: load.connections }, loop));
  agent.destroy();
  return { ...figures, seconds: (performance.now() - since) / 1_000 };
}

/** @returns whether the answer was a success */
function send({ url, headers, body }: Load, agent: Agent): Promise<boolean> {
  return new Promise((resolve) => {
    const length = { 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { method: 'POST', agent, headers: { ...headers, ...length } }, (answer) => {
      answer.on('end', () => resolve((answer.statusCode ?? 500) < 300)).resume();
    });
    sent.on('error', () => resolve(false)).end(body);
  });
}
