import { ThroughlineClient } from '../client/client.ts';
import type { AnyOperations } from '../client/typed.ts';
import type { StackOptions } from '../dev/index.ts';
import { SERVICE } from '../shared/trace/semantics.ts';
import type { SpanRecord } from '../shared/trace/span-record.ts';
import { withoutParent } from '../shared/trace/span-tree.ts';
import { loadDev } from './load-dev.ts';
import { checkOptions, STACK_OPTIONS } from './options.ts';

/** The options of {@link startStack}. */
export interface TestStackOptions {
  /** The folder of the operations. */
  readonly operations: string;
  /** More settings of the edge, such as `{ UNSERVED_OPERATIONS: 'refuse' }`. */
  readonly edge?: Readonly<Record<string, string>>;
  /** More settings of the worker, and of its operations. */
  readonly worker?: Readonly<Record<string, string>>;
  /** The program nats-server. By default the one on the path, or one that is fetched once. */
  readonly natsServerPath?: string;
  /** Gets each line of the log. */
  readonly onLog?: (line: string) => void;
}

/** One more worker of a stack. It ends with the stack. */
export interface AddedWorker {
  readonly pid: number;
  /** Stops it as a deployment does: it finishes its jobs first. */
  readonly stop: () => Promise<void>;
  /** Sends a signal, such as SIGKILL. */
  readonly kill: (signal: NodeJS.Signals) => Promise<void>;
}

/** All of Throughline, for one test file. */
export interface TestStack<Registry = AnyOperations> extends AsyncDisposable {
  readonly url: string;
  readonly apiKey: string;
  /** A client with the key of the stack. */
  readonly client: ThroughlineClient<Registry>;
  /** The secret that callbacks are signed with. */
  readonly callbackSecret: string;
  /** The log of edge and workers so far: the lines that are JSON. */
  readonly log: () => Readonly<Record<string, unknown>>[];
  /**
   * Waits for the trace of a job: until the worker's span and the parents of all spans are there, or until `isWhole` says so.
   * @throws Error after `timeoutMs` (10 s by default), with the spans that arrived
   */
  readonly waitForTrace: (
    traceId: string,
    options?: { readonly isWhole?: (spans: readonly SpanRecord[]) => boolean; readonly timeoutMs?: number },
  ) => Promise<readonly SpanRecord[]>;
  /** Starts one more worker. */
  readonly addWorker: (settings?: Readonly<Record<string, string>>) => Promise<AddedWorker>;
  /** Stops everything. Safe to repeat. */
  readonly stop: () => Promise<void>;
}

const TRACE_TIMEOUT_MS = 10_000;

/**
 * Starts nats-server, the edge in workerd, a worker with the operations of a folder, and a trace collector, on free ports, and
 * waits until a job can be submitted.
 * @throws TypeError that names a wrong option; Error when `@throughline/dev` is not installed, or naming the part that does
 *   not start
 * @example
 * const { client, stop } = await startStack({ operations: './operations' });
 */
export async function startStack<Registry = AnyOperations>(
  options: TestStackOptions,
): Promise<TestStack<Registry>> {
  checkOptions('startStack', STACK_OPTIONS, options);
  const dev = await loadDev();
  const lines: string[] = [];
  const onLog = (line: string): void => {
    lines.push(line);
    options.onLog?.(line);
  };
  const stack = await dev.startStack({ ...stackOptions(options, dev.FREE_PORTS), onLog });
  const { url, apiKey, callbackSecret, addWorker, stop } = stack;
  return {
    url,
    apiKey,
    callbackSecret,
    addWorker,
    stop,
    client: new ThroughlineClient<Registry>({ url, apiKey }),
    log: () => lines.flatMap(objectIn),
    waitForTrace: (traceId, { isWhole = isWholeTrace, timeoutMs = TRACE_TIMEOUT_MS } = {}) =>
      stack.collector.waitForSpans(traceId, isWhole, timeoutMs),
    [Symbol.asyncDispose]: stop,
  };
}

function stackOptions(
  { operations, edge, worker, natsServerPath }: TestStackOptions,
  ports: StackOptions['ports'],
): StackOptions {
  return {
    ports,
    operationsFolder: operations,
    natsServerPath,
    ...(edge === undefined ? {} : { edge }),
    ...(worker === undefined ? {} : { worker }),
    onLog: () => undefined,
    onStep: () => undefined,
  };
}

function isWholeTrace(spans: readonly SpanRecord[]): boolean {
  const hasAttempt = spans.some(({ kind, service }) => kind === 'CONSUMER' && service === SERVICE.worker);
  return hasAttempt && withoutParent(spans).length === 0;
}

function objectIn(line: string): Readonly<Record<string, unknown>>[] {
  try {
    return [JSON.parse(line) as Record<string, unknown>];
  } catch {
    return [];
  }
}
