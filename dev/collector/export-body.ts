import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { type ReadExport, readTraceExport } from '../../shared/trace/otlp/trace-export.ts';
import { decodeExportRequest } from './otlp-proto.ts';

/** The two encodings of OTLP over HTTP. */
export type Encoding = 'json' | 'protobuf';

const MAX_BODY_BYTES = 16 * 1024 * 1024;
const unzip = promisify(gunzip);

/** The encoding of a `Content-Type`, or undefined for any other media type. */
export function encodingOf(contentType: string | undefined): Encoding | undefined {
  const mediaType = contentType?.split(';', 1)[0]?.trim().toLowerCase();
  if (mediaType === 'application/json') return 'json';
  return mediaType === 'application/x-protobuf' ? 'protobuf' : undefined;
}

/**
 * Reads and decodes the body of an export.
 * @throws ThroughlineError with the status to answer: 400, 413 or 415
 */
export async function readExport(request: IncomingMessage, encoding: Encoding): Promise<ReadExport> {
  const body = await decompress(await readBody(request), request.headers['content-encoding']);
  try {
    const decoded = encoding === 'json' ? JSON.parse(body.toString()) : decodeExportRequest(body);
    return readTraceExport(decoded);
  } catch (error) {
    const message = `The body is not an OTLP trace export in ${encoding}: ${describeThrown(error)}`;
    throw new ThroughlineError('request-invalid', message, { cause: error });
  }
}

/** Reads the body to its end, even if it is too large: the client reads the answer only after it has sent everything. */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  if (bytes > MAX_BODY_BYTES) throw tooLarge();
  return Buffer.concat(chunks);
}

async function decompress(body: Buffer, contentEncoding = 'identity'): Promise<Buffer> {
  const coding = contentEncoding.trim().toLowerCase();
  if (coding === 'identity') return body;
  if (coding !== 'gzip') {
    const message = `Content-Encoding ${JSON.stringify(coding)} is not supported: use gzip or none.`;
    throw new ThroughlineError('media-type-unsupported', message);
  }
  try {
    return await unzip(body, { maxOutputLength: MAX_BODY_BYTES });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge();
    throw new ThroughlineError('request-invalid', 'The body is not valid gzip.', { cause: error });
  }
}

function tooLarge(): ThroughlineError {
  return new ThroughlineError(
    'payload-too-large',
    `An export may have at most ${MAX_BODY_BYTES} bytes, unzipped.`,
  );
}
