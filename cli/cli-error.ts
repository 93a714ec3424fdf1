/** What can go wrong on the caller's side of the API: code → title. What the API answers is a ThroughlineError. */
const TITLES = {
  'usage-invalid': 'The command line is not valid',
  'api-unreachable': 'The API cannot be reached',
  'traces-unreachable': 'The trace store cannot be reached',
  'answer-invalid': 'The answer cannot be read',
  'spans-missing': 'The spans are not there',
  interrupted: 'Interrupted',
} as const satisfies Record<string, string>;

export type CliErrorCode = keyof typeof TITLES;

export interface CliErrorOptions {
  readonly cause?: unknown;
  /** What to do about it, for a person. */
  readonly hint?: string | undefined;
  /** The trace that the failed request belonged to. */
  readonly traceId?: string | undefined;
}

/** An error that the command line raises on purpose; `message` says all that its user needs. */
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

  /** Short summary, the same for every occurrence. */
  get title(): string {
    return TITLES[this.code];
  }

  /** The same error, with the trace it happened in. */
  inTrace(traceId: string | undefined): CliError {
    return new CliError(this.code, this.message, { cause: this.cause, hint: this.hint, traceId });
  }
}
