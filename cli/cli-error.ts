/** The errors of the command line itself: code → title. An error that the API answered is an `ApiError` instead. */
const TITLES = {
  'usage-invalid': 'The command line is not valid',
  'api-unreachable': 'The API cannot be reached',
  'traces-unreachable': 'The trace store cannot be reached',
  'logs-unreachable': 'The log store cannot be reached',
  'answer-invalid': 'The answer cannot be read',
  'spans-missing': 'No span has arrived',
  'output-unwritable': 'The output cannot be written',
  interrupted: 'Interrupted',
  terminated: 'Ended by a signal',
} as const satisfies Record<string, string>;

export type CliErrorCode = keyof typeof TITLES;

interface CliErrorOptions {
  readonly cause?: unknown;
  /** What the user can do about it. */
  readonly hint?: string | undefined;
  /** The trace of the request that failed. */
  readonly traceId?: string | undefined;
}

/** An error that the command line raises on purpose. Its message is written for the user. */
export class CliError extends Error {
  readonly code: CliErrorCode;
  readonly hint: string | undefined;
  readonly traceId: string | undefined;

  constructor(code: CliErrorCode, message: string, options: CliErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CliError';
    this.code = code;
    this.hint = options.hint;
    this.traceId = options.traceId;
  }

  /** Short summary, the same for every error with this code. */
  get title(): string {
    return TITLES[this.code];
  }

  /** A copy of this error that names the trace it happened in. */
  inTrace(traceId: string | undefined): CliError {
    return new CliError(this.code, this.message, { cause: this.cause, hint: this.hint, traceId });
  }
}
