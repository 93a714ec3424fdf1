import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { ThroughlineError } from '../../shared/errors.ts';
import { decodeExportRequest } from './otlp-proto.ts';
import { type ReadExport, readTraceExport } from './otlp-trace.ts';

/** OTLP's two encodings over HTTP. */
export type Encoding = 'json' | 'protobuf';

const MAX_BODY_BYTES = 16 * 1024 * 1024;
const unzip = promisify(gunzip);

/** The encoding that a `Content-Type` names, or undefined when it is neither. */
export function encodingOf(contentType: string | undefined): Encoding | undefined {
  const mediaType = contentType?.split(';', 1)[0]?.trim().toLowerCase();
  if (mediaType === 'application/json') return 'json';
  return mediaType === 'application/x-protobuf' ? 'protobuf' : undefined;
}

/**
 * Reads and decodes the body of an export.
 *
 * @throws a ThroughlineError whose status is the answer: 400, 413 or 415.
 */
export async function readExport(request: IncomingMessage, encoding: Encoding): Promise<ReadExport> {
  const body = await decompress(await readBody(request), request.headers['content-encoding']);
  try {
    const decoded = encoding === 'json' ? JSON.parse(body.toString()) : decodeExportRequest(body);
    return readTraceExport(decoded);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ThroughlineError(
      'request-invalid',
      `The body is not an OTLP trace export in ${encoding}: ${reason}`,
      {
        cause: error,
      },
    );
  }
}

/** Reads to the end even what is too large, so that the client is done sending and reads the answer. */
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
  return new ThroughlineError('payload-too-large', `An export may have ${MAX_BODY_BYTES} bytes, unzipped.`);
}
