import { readFile } from 'node:fs/promises';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import type { EdgeBundle } from './bundle.ts';
import { guardWorkerd } from './workerd-guard.ts';

const HOST = '127.0.0.1';

/** How to start an edge. */
export interface EdgeOptions {
  /** From `keptEdge`. */
  readonly bundle: Pick<EdgeBundle, 'scriptPath' | 'compatibility'>;
  /** 0: a free port. */
  readonly port: number;
  /** Settings and secrets, as a deployment would set them. */
  readonly bindings: Readonly<Record<string, string>>;
  /** The `RATE_LIMITER` binding; undefined: no limit. */
  readonly rateLimit?: { readonly limit: number; readonly period: 10 | 60 } | undefined;
  /** The folder for the storage of the Durable Objects; undefined: in memory only. */
  readonly storageDir?: string | undefined;
  /** Opens an inspector (DevTools protocol) on a free port; default: none. */
  readonly inspect?: boolean | undefined;
  /** Takes each line that the Worker logs. */
  readonly onLog: (line: string) => void;
}

/** An edge that runs in workerd. */
export interface Edge {
  readonly url: string;
  /** `http://…`, when an inspector was asked for. */
  readonly inspectorUrl: string | undefined;
  readonly stop: () => Promise<void>;
}

/**
 * Runs the Worker's bundle in workerd, with the compatibility date and flags of a deployment.
 * @throws ThroughlineError `config-invalid` when the port is taken
 */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const settings = workerSettings(options, await readFile(options.bundle.scriptPath, 'utf8'));
  // Miniflare takes a quarter of a second to load. Other parts of the stack start meanwhile.
  const { convertV4MiniflareOptions, Log, LogLevel, Miniflare } = await import('miniflare');
  const removeNewListeners = rememberSignalListeners();
  const stopLooking = guardWorkerd();
  const miniflare = new Miniflare(convertV4MiniflareOptions({ ...settings, log: new Log(LogLevel.ERROR) }));
  // A signal may come before the Worker is ready.
  removeNewListeners();
  try {
    await miniflare.ready;
    const url = await miniflare.unsafeGetDirectURL();
    const inspector = options.inspect === true ? await miniflare.getInspectorURL() : undefined;
    // Miniflare gives the URL of its WebSocket.
    const inspectorUrl = inspector && `http://${inspector.host}`;
    return { url: url.origin, inspectorUrl, stop: () => miniflare.dispose() };
  } catch (cause) {
    await miniflare.dispose().catch(() => undefined);
    throw new ThroughlineError('config-invalid', `the edge does not start: ${describeThrown(cause)}`, {
      cause,
    });
  } finally {
    stopLooking();
  }
}

function workerSettings(options: EdgeOptions, contents: string) {
  const { rateLimit, storageDir } = options;
  const { date, flags } = options.bundle.compatibility;
  return {
    name: 'throughline',
    modules: [{ type: 'ESModule' as const, path: 'main.js', contents }],
    ...(date === undefined ? {} : { compatibilityDate: date }),
    compatibilityFlags: [...flags],
    bindings: { ...options.bindings },
    durableObjects: {
      BRIDGE: { className: 'Bridge', useSQLite: true },
      JOB_INDEX: { className: 'JobIndex', useSQLite: true },
      SCHEDULES: { className: 'Schedules', useSQLite: true },
    },
    ...(rateLimit === undefined
      ? {}
      : { ratelimits: { RATE_LIMITER: { namespace_id: '1', simple: rateLimit } } }),
    ...(storageDir === undefined ? {} : { resourcePersistencePath: storageDir }),
    ...(options.inspect === true ? { inspectorPort: 0 } : {}),
    host: HOST,
    // The Worker listens itself. The listener of miniflare answers a request without a path with a plain 500.
    unsafeDirectSockets: [{ host: HOST, port: options.port }],
    handleStructuredLogs: ({ message }: { message: string }) => options.onLog(message),
  };
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Remembers the signal listeners that there are now. The returned function removes all others: Miniflare would end
 * this process at the first signal, before the other parts are stopped in order.
 */
function rememberSignalListeners(): () => void {
  const before = SIGNALS.map((signal) => new Set(process.listeners(signal)));
  return () => {
    for (const [index, signal] of SIGNALS.entries()) {
      for (const listener of process.listeners(signal)) {
        if (before[index]?.has(listener) !== true) process.off(signal, listener);
      }
    }
  };
}
