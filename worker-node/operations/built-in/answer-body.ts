import { MIMEType } from 'node:util';
import zlib from 'node:zlib';
import { isThroughlineError, ThroughlineError } from '../../../shared/errors.ts';
import { commaList } from '../../../shared/text/comma-list.ts';

/** A body as a job's result can hold it. */
interface AnswerBody {
  readonly body: string;
  /** Whether `body` is bytes in base64. If not, it is text. */
  readonly isBase64Encoded: boolean;
}

type Decoder = (bytes: Buffer, limit: number) => Promise<Buffer>;

/** A sender has no reason to encode a body more often. */
const MAX_CODINGS = 4;
/** A frame may ask for a window of any size. Servers may use 8 MiB (RFC 9659). */
const ZSTD_WINDOW_LOG = 23;
/** Each frame takes the time of a whole body, and an answer has room for 32,768 empty ones. */
const MAX_ZSTD_FRAMES = 1_000;
const TOO_LARGE = 'ERR_BUFFER_TOO_LARGE';

const DECODERS: Readonly<Record<string, Decoder>> = {
  gzip: decoder(zlib.gunzip),
  'x-gzip': decoder(zlib.gunzip),
  deflate: (bytes, limit) => (isZlib(bytes) ? decoder(zlib.inflate) : decoder(zlib.inflateRaw))(bytes, limit),
  br: decoder(zlib.brotliDecompress),
  zstd: decodeFrames,
  identity: async (bytes) => bytes,
};

/**
 * Undoes the `Content-Encoding` of an answer (RFC 9110, section 8.4). Bytes of a coding that is not known stay as they
 * are.
 * @param coding the header: `gzip, br` means gzip first, then br
 * @param limit the most bytes that come out, at each step
 * @throws ThroughlineError `operation-rejected` if the bytes are not in that coding, or if too many come out
 */
export async function undoCoding(bytes: Buffer, coding: string | undefined, limit: number): Promise<Buffer> {
  const codings = commaList((coding ?? '').toLowerCase());
  if (bytes.length === 0 || !codings.every((name) => Object.hasOwn(DECODERS, name))) return bytes;
  if (codings.length > MAX_CODINGS) throw rejected(`the answer has more than ${MAX_CODINGS} content codings`);
  let decoded = bytes;
  for (const name of codings.reverse()) decoded = await decode(decoded, name, limit);
  return decoded;
}

/**
 * Reads the bytes of an answer as text, if they are text: in the charset that a byte order mark or `contentType` names, else in
 * UTF-8. Other bytes become base64.
 */
export function textOrBase64(bytes: Buffer, contentType: string | undefined): AnswerBody {
  for (const label of [charsetOf(contentType), 'utf-8']) {
    const body = label === undefined ? undefined : textOf(bytes, markOf(bytes) ?? label);
    if (body !== undefined) return { body, isBase64Encoded: false };
  }
  return { body: bytes.toString('base64'), isBase64Encoded: true };
}

/** The refusal of an answer that has more bytes than `limit`. */
export function tooLarge(limit: number): ThroughlineError {
  return rejected(`the answer is larger than ${limit} bytes`);
}

async function decode(bytes: Buffer, name: string, limit: number): Promise<Buffer> {
  try {
    return (await DECODERS[name]?.(bytes, limit)) ?? bytes;
  } catch (cause) {
    if (isThroughlineError(cause)) throw cause;
    if ((cause as NodeJS.ErrnoException).code === TOO_LARGE) throw tooLarge(limit);
    throw rejected(`the answer is not in the content coding ${name} that its headers name`, cause);
  }
}

interface UnzipOptions {
  readonly maxOutputLength: number;
  readonly params?: Record<number, number>;
}

type Unzip = (
  bytes: Buffer,
  options: UnzipOptions & { readonly info: true },
  callback: (error: Error | null, result: unknown) => void,
) => void;

/** What came out, and of how many bytes it was made. */
interface Unzipped {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

function decoder(unzip: Unzip): Decoder {
  return async (bytes, limit) => (await unzipped(unzip, bytes, { maxOutputLength: limit })).buffer;
}

/** Decodes one frame of zstd after the other (RFC 8878, section 3): Node's own function stops after the first. */
async function decodeFrames(bytes: Buffer, limit: number): Promise<Buffer> {
  const params = { [zlib.constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG };
  const parts: Buffer[] = [];
  let size = 0;
  for (let rest = bytes; rest.length > 0; ) {
    if (parts.length === MAX_ZSTD_FRAMES)
      throw rejected(`the answer has more than ${MAX_ZSTD_FRAMES} frames of zstd`);
    const { buffer, engine } = await unzipped(zlib.zstdDecompress, rest, { maxOutputLength: limit, params });
    size += buffer.length;
    if (size > limit) throw tooLarge(limit);
    parts.push(buffer);
    rest = rest.subarray(engine.bytesWritten);
  }
  return Buffer.concat(parts);
}

function unzipped(unzip: Unzip, bytes: Buffer, options: UnzipOptions): Promise<Unzipped> {
  return new Promise((resolve, reject) => {
    unzip(bytes, { ...options, info: true }, (error, result) =>
      error === null ? resolve(result as Unzipped) : reject(error),
    );
  });
}

/** `deflate` means the zlib format (RFC 1950), but some servers send it without its frame. */
function isZlib([first = 0, second = 0]: Buffer): boolean {
  return (first & 0x0f) === 8 && ((first << 8) | second) % 31 === 0;
}

function charsetOf(contentType: string | undefined): string | undefined {
  try {
    return new MIMEType(contentType ?? '').params.get('charset') ?? undefined;
  } catch {
    return undefined;
  }
}

/** The encoding that a byte order mark names. */
function markOf([first, second, third]: Buffer): string | undefined {
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  return first === 0xff && second === 0xfe ? 'utf-16le' : undefined;
}

/** Undefined if there is no such encoding, or the bytes are not in it. */
function textOf(bytes: Buffer, label: string): string | undefined {
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function rejected(message: string, cause?: unknown): ThroughlineError {
  return new ThroughlineError('operation-rejected', message, { cause });
}
