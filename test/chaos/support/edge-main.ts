/**
 * The edge in a process of its own, which can be killed: reads its options as one JSON line from stdin, writes its URL
 * as one to stdout, and then each line that the Worker logs.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type EdgeOptions, startEdge } from '../../../dev/edge/start.ts';

const [line] = (await once(createInterface(process.stdin), 'line')) as [string];
const options = JSON.parse(line) as Omit<EdgeOptions, 'onLog'>;
const write = (text: string): void => void process.stdout.write(`${text}\n`);
const edge = await startEdge({ ...options, onLog: write });
write(JSON.stringify({ url: edge.url }));
process.once('SIGTERM', () => void edge.stop().then(() => process.exit(0)));
