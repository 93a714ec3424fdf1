import { createReadStream } from 'node:fs';
import { addAbortSignal, type Readable } from 'node:stream';
import { LIMITS } from '../../shared/job/limits.ts';
import { fileFault } from '../../shared/text/file-fault.ts';
import { utf8Fault } from '../../shared/text/json/json-fault.ts';
import { readJson } from '../../shared/text/json/read-json.ts';
import { CliError } from '../cli-error.ts';

/**
 * The largest text. The API takes inputs of up to {@link LIMITS}.inputBytes; the text may be larger, because white space
 * is not sent.
 */
const MAX_BYTES = 16 * LIMITS.inputBytes;

/** Deeper than any input that the API takes. JSON.parse is recursive: without a limit the stack could overflow. */
const MAX_DEPTH = 1_000;

const HINT =
  'put JSON in single quotes for the shell, or use @file, or - for standard input: \'{"url":"…"}\'';

/** Where an input may come from, besides the command line. */
export interface InputSource {
  readonly stdin: Readable;
  readonly signal: AbortSignal;
}

/**
 * Reads the input of a job: `-` means standard input, `@path` a file, any other text is JSON. Undefined gives null.
 * @throws CliError `usage-invalid` with the place that cannot be read
 */
export async function readJobInput(argument: string | undefined, source: InputSource): Promise<unknown> {
  if (argument === undefined) return null;
  if (argument !== '-' && !argument.startsWith('@')) return parseInput(argument, 'the input', HINT);
  const { text, what } = await readInputText(argument, source, MAX_BYTES);
  return parseInput(text, what);
}

/**
 * Reads standard input (`-`) or a file (`@path`).
 * @returns the text, and its name for an error
 * @throws CliError `usage-invalid` when it cannot be read, is not UTF-8, or is larger than `maxBytes`
 */
export async function readInputText(
  argument: string,
  source: InputSource,
  maxBytes: number,
): Promise<{ text: string; what: string }> {
  if (argument === '-') {
    const what = 'standard input';
    return { text: utf8Text(await readBytes(source.stdin, what, source.signal, maxBytes), what), what };
  }
  const path = argument.slice(1);
  if (path === '') throw new CliError('usage-invalid', 'a file must be named after @, such as @input.json');
  const what = `the file ${JSON.stringify(path)}`;
  const bytes = await readBytes(createReadStream(path), what, source.signal, maxBytes);
  return { text: utf8Text(bytes, what), what };
}

async function readBytes(
  input: Readable,
  what: string,
  signal: AbortSignal,
  maxBytes: number,
): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of addAbortSignal(signal, input)) {
      chunks.push(Buffer.from(chunk));
      size += chunk.length;
      // The size is checked after each chunk, because the input may never end.
      if (size > maxBytes) throw tooLarge(what, maxBytes);
    }
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    if (cause instanceof CliError) throw cause;
    throw unreadable(what, cause);
  }
  return Buffer.concat(chunks);
}

/**
 * Decodes UTF-8 (RFC 8259, section 8.1). TextDecoder drops the byte order mark that some editors write.
 * @param what the name of the text, for an error
 * @throws CliError `usage-invalid` with the place where it is not UTF-8
 */
export function utf8Text(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new CliError('usage-invalid', `${what} ${utf8Fault(bytes)}`, { cause });
  }
}

/**
 * Parses JSON from the command line or from a file.
 * @param what the name of the text, for an error
 * @param hint what the user can do about an error
 * @throws CliError `usage-invalid` with the line and column where the text stops being JSON, or the path of a number that
 *   would be changed
 */
export function parseInput(text: string, what: string, hint?: string): unknown {
  const read = readJson(text, MAX_DEPTH);
  if ('value' in read) return read.value;
  throw new CliError('usage-invalid', `${what} ${read.fault}`, { hint });
}

function tooLarge(what: string, maxBytes: number): CliError {
  return new CliError('usage-invalid', `${what} is larger than ${maxBytes} bytes`);
}

function unreadable(what: string, cause: unknown): CliError {
  return new CliError('usage-invalid', `${what} cannot be read: ${fileFault(cause)}`, { cause });
}
