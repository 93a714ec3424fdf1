import { ApiError } from '../client/errors.ts';
import { statusOf } from '../shared/error-table.ts';
import { ThroughlineError } from '../shared/errors.ts';
import type { Job } from '../shared/job/job.ts';
import { CliError, type CliErrorCode } from './cli-error.ts';

/**
 * The table of exit codes, which `--help` prints. 70 is EX_SOFTWARE, 74 EX_IOERR and 78 is EX_CONFIG of sysexits.h; 130 and 143 are the
 * shell's 128 plus the number of the signal.
 */
export const EXIT = {
  ok: { code: 0, meaning: 'success; for submit without --wait: the job was accepted' },
  jobFailed: {
    code: 1,
    meaning:
      'the job failed or was cancelled; for cancel: the job had already ended; for worker, broker-spans and dev: a part failed; for setup: NATS is not set up as it must be; for status and doctor: something is wrong; for types --check: the file is out of date; for verify: a trace is broken; for conformance: a case failed',
  },
  usage: {
    code: 2,
    meaning:
      'wrong usage or input, or the API refused the request (4xx); for worker: NATS is not set up as it must be',
  },
  unavailable: {
    code: 3,
    meaning: 'the API, the trace store, the log store or the broker cannot be reached, or failed (5xx)',
  },
  unfinished: { code: 4, meaning: 'the job did not end in time; for trace: no spans arrived in time' },
  unauthenticated: { code: 5, meaning: 'the API key is missing or not valid' },
  internal: { code: 70, meaning: 'an error inside this program' },
  output: { code: 74, meaning: 'the output cannot be written, as on a full disk' },
  settings: {
    code: 78,
    meaning:
      'for worker: a setting, an operation or the Node of this machine is wrong, so another start would end the same way',
  },
  interrupted: { code: 130, meaning: 'interrupted by Ctrl-C' },
  terminated: { code: 143, meaning: 'ended by SIGTERM' },
} as const;

const CLI_EXITS = {
  'usage-invalid': EXIT.usage,
  'api-unreachable': EXIT.unavailable,
  'traces-unreachable': EXIT.unavailable,
  'logs-unreachable': EXIT.unavailable,
  'answer-invalid': EXIT.unavailable,
  'spans-missing': EXIT.unfinished,
  'output-unwritable': EXIT.output,
  interrupted: EXIT.interrupted,
  terminated: EXIT.terminated,
} as const satisfies Record<CliErrorCode, { code: number }>;

/** The exit code of a command that printed a job. */
export function exitCodeOfJob({ state }: Pick<Job, 'state'>): number {
  return state === 'failed' || state === 'cancelled' ? EXIT.jobFailed.code : EXIT.ok.code;
}

/** The exit code of a command that ended with an error. */
export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof CliError) return CLI_EXITS[thrown.code].code;
  if (thrown instanceof ThroughlineError) return exitOf(thrown).code;
  return EXIT.internal.code;
}

/** Whether the same request may succeed later: the API cannot be reached, or has failed. */
export function isUnavailable(thrown: unknown): boolean {
  return exitCodeOf(thrown) === EXIT.unavailable.code;
}

/** The exit code of a worker that could not read its settings and operations. It has not called NATS yet. */
export function exitCodeOfPreparation(thrown: unknown): number {
  const isConfig = thrown instanceof ThroughlineError && thrown.code === 'config-invalid';
  return isConfig ? EXIT.settings.code : exitCodeOf(thrown);
}

function exitOf(error: ThroughlineError): { readonly code: number } {
  if (error.code === 'unauthenticated') return EXIT.unauthenticated;
  if (error.code === 'job-finished') return EXIT.jobFailed;
  // Not from the API, so it is about the settings of this machine.
  if (error.code === 'config-invalid' && !(error instanceof ApiError)) return EXIT.usage;
  const status = error instanceof ApiError ? error.status : statusOf(error);
  return status >= 400 && status < 500 ? EXIT.usage : EXIT.unavailable;
}

/** The table of exit codes, for the end of every `--help`. What only some commands mean by a code has a line of its own. */
export function exitCodeHelp(): string {
  const rows = Object.values(EXIT).map(
    ({ code, meaning }) => `  ${String(code).padEnd(4)} ${meaning.replaceAll('; ', '\n       ')}`,
  );
  return ['', 'Exit codes:', ...rows].join('\n');
}
