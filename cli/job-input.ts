import { readFile } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { describeThrown } from '../shared/errors.ts';
import { LIMITS } from '../shared/job.ts';
import { jsonDepth } from '../shared/json-depth.ts';
import { CliError } from './cli-error.ts';
import { findJsonFault } from './json-fault.ts';

/** White space aside, the API takes {@link LIMITS}.inputBytes: more text than this cannot be an input. */
const MAX_BYTES = 16 * LIMITS.inputBytes;

/** Deeper than any input the API takes; a limit here only keeps hostile text off the stack. */
const MAX_DEPTH = 1_000;

const HINT =
  'put JSON in single quotes for the shell, or use @file, or - for standard input: \'{"url":"…"}\'';

/** Where an input may come from besides the command line. */
export interface InputSource {
  readonly stdin: Readable;
  readonly signal: AbortSignal;
}

/**
 * The input of a job: `-` is standard input, `@path` a file, anything else JSON itself; undefined is null.
 * @throws CliError `usage-invalid` saying what cannot be read, and where
 */
export async function readJobInput(argument: string | undefined, source: InputSource): Promise<unknown> {
  if (argument === undefined) return null;
  if (argument === '-') return parse(await readStandardInput(source), 'standard input');
  if (!argument.startsWith('@')) return parse(argument, 'the input', HINT);
  const path = argument.slice(1);
  return parse(await readInputFile(path, source.signal), `the file ${JSON.stringify(path)}`);
}

async function readStandardInput({ stdin, signal }: InputSource): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of addAbortSignal(signal, stdin)) {
      chunks.push(Buffer.from(chunk));
      size += chunk.length;
      // Before the end, which a stream need not have.
      if (size > MAX_BYTES) throw tooLarge('standard input');
    }
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    if (cause instanceof CliError) throw cause;
    throw unreadable('standard input', cause);
  }
  return decode(Buffer.concat(chunks), 'standard input');
}

async function readInputFile(path: string, signal: AbortSignal): Promise<string> {
  const what = `the file ${JSON.stringify(path)}`;
  const bytes = await readFile(path, { signal }).catch((cause: unknown) => {
    if (signal.aborted) throw signal.reason;
    throw unreadable(what, cause);
  });
  if (bytes.length > MAX_BYTES) throw tooLarge(what);
  return decode(bytes, what);
}

/** JSON is UTF-8 (RFC 8259, section 8.1); a byte order mark, which some editors write, is dropped. */
function decode(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new CliError('usage-invalid', `${what} is not UTF-8`, { cause });
  }
}

function parse(text: string, what: string, hint?: string): unknown {
  if (jsonDepth(text, MAX_DEPTH) > MAX_DEPTH) {
    throw new CliError('usage-invalid', `${what} is nested deeper than ${MAX_DEPTH} levels`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    const { line, column, message } = findJsonFault(text);
    throw new CliError('usage-invalid', `${what} is not JSON: line ${line}, column ${column}: ${message}`, {
      cause,
      hint,
    });
  }
}

function tooLarge(what: string): CliError {
  return new CliError(
    'usage-invalid',
    `${what} is larger than ${MAX_BYTES} bytes; the API takes ${LIMITS.inputBytes}`,
  );
}

function unreadable(what: string, cause: unknown): CliError {
  return new CliError('usage-invalid', `${what} cannot be read: ${describeThrown(cause)}`, { cause });
}
