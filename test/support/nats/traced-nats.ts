import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import { start } from '../cli/process.ts';
import { readSteps } from '../deploy/runbook.ts';
import { until } from '../poll.ts';

/** The step of deploy/README.md that turns message tracing on. */
const STEP = 'broker-traces';

/** Turns message tracing on in a copy of `deploy/nats`, with the commands of deploy/README.md that change its files. */
export async function turnOnTraces(folder: string, sampling = '100%'): Promise<void> {
  const step = (await readSteps()).get(STEP) ?? '';
  const changes = step.split('\n').filter((line) => /^(sed|TRACES=)/.test(line));
  await promisify(execFile)('bash', ['-e', '-c', changes.join('\n').replace('100%', sampling)], {
    cwd: path.resolve(folder),
  });
}

/** `throughline broker-spans` as a process. */
export interface BrokerSpansProcess {
  /** All that it has printed, on stdout and stderr. */
  readonly printed: () => string;
  /** Waits until it has printed a text. */
  readonly says: (text: string) => Promise<unknown>;
  /** Sends a signal, and waits for the end. @returns its exit code */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>;
}

/** Starts `throughline broker-spans`, and waits until it listens. It ends with the test file. */
export async function startBrokerSpans(
  environment: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<BrokerSpansProcess> {
  const child = start(['broker-spans', ...args], environment);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  let isClosed = false;
  void closed.then(() => {
    isClosed = true;
  });
  const says = (wanted: string) =>
    until(`the line ${wanted}`, () => {
      if (text.includes(wanted)) return true;
      if (isClosed) throw new Error(`broker-spans has ended: ${text}`);
      return false;
    });
  await says('broker spans ready');
  return {
    printed: () => text,
    says,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      return await closed;
    },
  };
}

/** The spans of nats-server. */
export function ofBroker(spans: readonly SpanRecord[]): SpanRecord[] {
  return spans.filter(({ service }) => service === 'nats');
}
