import { concatBytes } from '../../../shared/bytes.ts';
import { ThroughlineError } from '../../../shared/errors.ts';

/**
 * Reads a request's whole body. When the body is too large, its stream stays unlocked, so that `drainingResponse` can
 * discard the rest.
 * @param maxSize in bytes
 * @throws ThroughlineError `payload-too-large`. If the declared length is too large, nothing is read
 */
export async function readBody(request: Request, maxSize: number): Promise<Uint8Array> {
  const tooLarge = () =>
    new ThroughlineError('payload-too-large', `the body is larger than ${maxSize} bytes`);
  const length = Number(request.headers.get('content-length') ?? 0);
  if (length > maxSize) throw tooLarge();
  if (request.body === null) return new Uint8Array();
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  for (let size = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return concatBytes(chunks, size);
    size += value.byteLength;
    if (size > maxSize) {
      reader.releaseLock();
      throw tooLarge();
    }
    chunks.push(value);
  }
}
