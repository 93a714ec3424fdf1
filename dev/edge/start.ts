import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare';
import { unstable_readConfig as readWranglerConfig } from 'wrangler';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';

const CONFIG = fileURLToPath(new URL('../../wrangler.toml', import.meta.url));
const HOST = '127.0.0.1';

export interface EdgeOptions {
  /** The bundle, see `buildEdge`. */
  readonly scriptPath: string;
  /** 0: a free one. */
  readonly port: number;
  /** Settings and secrets, as a deployment would set them. */
  readonly bindings: Readonly<Record<string, string>>;
  /** The `RATE_LIMITER` binding; undefined: none. */
  readonly rateLimit?: { readonly limit: number; readonly period: 10 | 60 } | undefined;
  /** Where Durable Objects keep their storage; undefined: in memory only. */
  readonly storageDir?: string | undefined;
  /** Opens an inspector (DevTools protocol) on a free port; default: none. */
  readonly inspect?: boolean | undefined;
  /** Takes each line that the Worker logs. */
  readonly onLog: (line: string) => void;
}

export interface Edge {
  readonly url: string;
  /** `http://…`, where one was asked for. */
  readonly inspectorUrl: string | undefined;
  readonly stop: () => Promise<void>;
}

/**
 * Runs the Worker's bundle in workerd, with the compatibility date and flags that `wrangler.toml` gives a deployment.
 * @throws ThroughlineError `config-invalid` when the port is taken
 */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const { compatibility_date, compatibility_flags } = readWranglerConfig({ config: CONFIG });
  const script = await readFile(options.scriptPath, 'utf8');
  const release = keepSignals();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      name: 'throughline',
      modules: [{ type: 'ESModule', path: 'main.js', contents: script }],
      ...(compatibility_date === undefined ? {} : { compatibilityDate: compatibility_date }),
      compatibilityFlags: compatibility_flags,
      bindings: { ...options.bindings },
      durableObjects: {
        BRIDGE: { className: 'Bridge', useSQLite: true },
        JOB_INDEX: { className: 'JobIndex', useSQLite: true },
      },
      ...(options.rateLimit === undefined
        ? {}
        : { ratelimits: { RATE_LIMITER: { namespace_id: '1', simple: options.rateLimit } } }),
      ...(options.storageDir === undefined ? {} : { resourcePersistencePath: options.storageDir }),
      ...(options.inspect === true ? { inspectorPort: 0 } : {}),
      host: HOST,
      port: options.port,
      log: new Log(LogLevel.ERROR),
      handleStructuredLogs: ({ message }) => options.onLog(message),
    }),
  );
  try {
    const url = await miniflare.ready;
    const inspector = options.inspect === true ? await miniflare.getInspectorURL() : undefined;
    release();
    // It names itself with the scheme of its WebSocket.
    const inspectorUrl = inspector && `http://${inspector.host}`;
    return { url: url.origin, inspectorUrl, stop: () => miniflare.dispose() };
  } catch (cause) {
    await miniflare.dispose().catch(() => undefined);
    throw new ThroughlineError('config-invalid', `the edge does not start: ${describeThrown(cause)}`, {
      cause,
    });
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Remembers who listens to signals now; the returned function takes all others away. Miniflare would end this
 * process at the first signal, before the parts around it are stopped in order.
 */
function keepSignals(): () => void {
  const before = SIGNALS.map((signal) => new Set(process.listeners(signal)));
  return () => {
    for (const [index, signal] of SIGNALS.entries()) {
      for (const listener of process.listeners(signal)) {
        if (before[index]?.has(listener) !== true) process.off(signal, listener);
      }
    }
  };
}
