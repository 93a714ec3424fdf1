import { describeThrown } from '../../shared/errors.ts';
import { BROKER } from '../../shared/trace/semantics.ts';
import { TraceListener } from '../broker/operate/trace-listener.ts';
import { workerConfig, workerWarnings } from '../config.ts';
import { createLogger } from '../log.ts';
import { untilStopSignal } from '../stop-signal.ts';
import { EventCounts } from './event-counts.ts';
import { messageSpans } from './message-spans.ts';
import { openSpanOutput } from './span-output.ts';
import { readTraceEvent } from './trace-event.ts';

interface BrokerSpansOptions {
  /** The worker's settings say where NATS is, and OpenTelemetry's where the collector is. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly debug: boolean;
  /** Where nats-server publishes its traces. */
  readonly subject: string;
}

/**
 * Turns the message traces of nats-server into spans, until SIGTERM, SIGINT or SIGHUP. Then it sends the spans that are left. A
 * signal that comes more than a second later ends the process immediately.
 * @returns the exit code of the process: 0 after a signal, 1 after a failure
 * @throws ThroughlineError `config-invalid` or `broker-unavailable` when it cannot start
 */
export async function runBrokerSpans(options: BrokerSpansOptions): Promise<number> {
  const { environment, subject } = options;
  const config = workerConfig(environment);
  const debug = options.debug || config.DEBUG;
  const log = createLogger(BROKER.scope, debug ? 'debug' : config.LOG_LEVEL);
  const warn = (reason: string): void => log.warn({ reason }, 'setting ignored');
  for (const warning of workerWarnings(environment)) warn(warning);
  const output = openSpanOutput({
    environment,
    debug,
    warn,
    sayLoss: (_signal, counts, reason) =>
      log.warn({ ...counts, reason }, counts === undefined ? 'the collector warns' : 'spans were lost'),
  });
  const counts = new EventCounts(log);
  const take = (data: Uint8Array): void => {
    const event = readTraceEvent(data);
    if (typeof event === 'string') counts.addUnreadable(event);
    else {
      const spans = messageSpans(event, output.resourceOf(event.server));
      counts.add(spans.length === 0 ? 'ignored' : 'shown');
      output.add(spans);
    }
  };
  const listener = await TraceListener.start({ config, subject, log, take });
  // Listens before it says that it is ready: a signal that comes right after must not end the process hard.
  const stopped = untilStopSignal();
  log.info({ subject, pid: process.pid }, 'broker spans ready');
  const code = await Promise.race([stopped, listener.failed]).then(
    () => 0,
    (thrown: unknown) => {
      log.error({ reason: describeThrown(thrown) }, 'broker spans failed');
      return 1;
    },
  );
  await listener.close();
  await output.close();
  counts.stop();
  log.info(counts.counts, 'broker spans stopped');
  return code;
}
