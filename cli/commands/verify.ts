import { type Command, InvalidArgumentError, Option } from 'commander';
import { ThroughlineError } from '../../shared/errors.ts';
import { pause } from '../../shared/timers.ts';
import { callbackUrl, durationMs, wholeNumber } from '../arguments.ts';
import { CliError } from '../cli-error.ts';
import type { ConfigFlags } from '../config.ts';
import { EXIT } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host, Scope } from '../host.ts';
import { storeOf } from '../trace/stores/open-store.ts';
import { parseServiceName, type ServiceName, withServices } from '../trace/stores/service-names.ts';
import { TRACES_URL_HELP } from '../trace/stores/traces-url.ts';
import { OrphanSearch } from '../verify/orphans.ts';
import type { VerifyReport } from '../verify/report.ts';
import { reportText } from '../verify/report-text.ts';
import { CallbackReceiver } from '../verify/send/callback-receiver.ts';
import { CANARY_NAMES, type CanaryName, canariesNamed } from '../verify/send/canaries.ts';
import { verifyCanaries } from '../verify/verification.ts';

/** How long spans may take to arrive, if it is not said. */
const SPANS_MS = 20_000;
/** The pause between two rounds of `--watch`, if it is not said. */
const WATCH_MS = 60_000;

interface VerifyFlags extends ConfigFlags {
  readonly canary?: readonly CanaryName[];
  readonly callbackUrl?: string;
  readonly callbackPort?: number;
  readonly timeout?: number;
  readonly serviceName?: readonly ServiceName[];
  readonly watch?: number | true;
}

/** `verify`. */
export function defineVerify(program: Command, host: Host): Command {
  return program
    .command('verify')
    .description(
      'Sends canary jobs, and says which hop loses their traces, and why. It ends with 1 if one does.',
    )
    .option('--traces-url <url>', TRACES_URL_HELP)
    .option(
      '--logs-url <url>',
      "address of a query, such as Loki's query_range, to check that log lines carry the trace too (THROUGHLINE_LOGS_URL)",
    )
    .addOption(
      new Option('--canary <name>', 'send only this one, which then must not be skipped; repeatable')
        .choices(CANARY_NAMES)
        .argParser(canaryNames),
    )
    .option(
      '--callback-url <url>',
      'address of this machine that the worker reaches, for the callback canary',
      callbackUrl,
    )
    .option(
      '--callback-port <port>',
      'port to receive the callback on, if it is not that of --callback-url',
      wholeNumber(0, 65_535),
    )
    .option('--timeout <duration>', 'how long spans may take to arrive, such as 1m (default 20s)', durationMs)
    .option(
      '--service-name <part=name>',
      'the OTEL_SERVICE_NAME of the edge, the bridge or the worker, such as worker=shop-worker; repeatable',
      serviceNames,
    )
    .option(
      '--watch [interval]',
      'do it again and again, every 1m by default, and report spans whose parent never came, until Ctrl-C',
      durationMs,
    )
    .addHelpText(
      'after',
      examples(
        ['throughline verify', 'is a trace lost anywhere?'],
        [
          'throughline verify --traces-url http://jaeger:16686/api/v3/traces --json | jq .canaries',
          'ask Jaeger, for a pipeline or for cron',
        ],
        ['throughline verify --watch 5m --json', 'one line of JSON every 5 minutes'],
      ),
    )
    .action(
      async (flags: VerifyFlags, command: Command) =>
        await host.run(command, (scope) => verify(flags, scope)),
    );
}

/** Collects the values of a repeated `--canary <name>`. */
function canaryNames(text: string, previous: readonly CanaryName[] = []): readonly CanaryName[] {
  const name = CANARY_NAMES.find((known) => known === text);
  if (name !== undefined) return [...previous, name];
  throw new InvalidArgumentError(`It must be one of ${CANARY_NAMES.join(', ')}.`);
}

/** Collects the values of a repeated `--service-name <part=name>`. */
function serviceNames(text: string, previous: readonly ServiceName[] = []): readonly ServiceName[] {
  const name = parseServiceName(text);
  if (name !== undefined) return [...previous, name];
  throw new InvalidArgumentError('It must be edge=, bridge= or worker= and a name.');
}

async function verify(flags: VerifyFlags, scope: Scope): Promise<number> {
  const { callbackUrl: url, callbackPort: port } = flags;
  const receiver = url === undefined ? undefined : await CallbackReceiver.open({ url, port });
  try {
    return await verifyWith(receiver, flags, scope);
  } finally {
    await receiver?.close();
  }
}

/** @returns the exit code */
async function verifyWith(
  receiver: CallbackReceiver | undefined,
  flags: VerifyFlags,
  scope: Scope,
): Promise<number> {
  const { canary: names, timeout: spansMs = SPANS_MS } = flags;
  const store = withServices(storeOf(scope.config), flags.serviceName ?? []);
  const trace = await scope.startTrace();
  const parts = { scope, store, trace, receiver, isChosen: names !== undefined, spansMs };
  const round = async (): Promise<VerifyReport> => {
    const canaries = await withStatus(scope, () => verifyCanaries(canariesNamed(names), parts));
    const ok = canaries.every(({ outcome }) => outcome !== 'broken');
    return { ok, at: new Date().toISOString(), store: store.name, canaries };
  };
  if (flags.watch === undefined) {
    const report = await round();
    print(report, scope);
    return report.ok ? EXIT.ok.code : EXIT.jobFailed.code;
  }
  const orphans = new OrphanSearch(store, spansMs);
  const watched = async (): Promise<VerifyReport> => {
    const report = await round();
    const found = await orphans.next(scope.signal);
    return { ...report, ok: report.ok && found.length === 0, orphans: found };
  };
  const intervalMs = flags.watch === true ? WATCH_MS : flags.watch;
  return await watch(watched, intervalMs, store.name, scope);
}

/** Repeats the rounds until Ctrl-C. A round that cannot be made is told, and the next one follows. */
async function watch(
  round: () => Promise<VerifyReport>,
  intervalMs: number,
  store: string,
  scope: Scope,
): Promise<never> {
  for (;;) {
    const report = await round().catch((thrown: unknown): VerifyReport => {
      scope.signal.throwIfAborted();
      if (!(thrown instanceof CliError) && !(thrown instanceof ThroughlineError)) throw thrown;
      const { code, message } = thrown;
      return { ok: false, at: new Date().toISOString(), store, canaries: [], error: { code, message } };
    });
    print(report, scope);
    await pause(intervalMs, scope.signal);
  }
}

function print(report: VerifyReport, { output }: Scope): void {
  if (output.json) output.line(report);
  else output.text(reportText(report, output.paint));
}

async function withStatus<T>({ output }: Scope, work: () => Promise<T>): Promise<T> {
  const status = await output.statusLine();
  status.show('sending canaries, and waiting for their spans');
  try {
    return await work();
  } finally {
    status.clear();
  }
}
