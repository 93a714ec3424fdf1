import { concatBytes } from '../../../shared/bytes.ts';
import { ThroughlineError } from '../../../shared/errors.ts';

/**
 * Reads a request's whole body. When the body is too large, its stream stays unlocked, so that `drainingResponse` can
 * discard the rest.
 * @param maxSize in bytes
 * @param tooLarge makes the error for a larger body; by default it is `payload-too-large`
 * @throws ThroughlineError if the body is too large. If its declared length is, nothing is read
 */
export async function readBody(
  request: Request,
  maxSize: number,
  tooLarge = () => new ThroughlineError('payload-too-large', `the body is larger than ${maxSize} bytes`),
): Promise<Uint8Array> {
  const length = Number(request.headers.get('content-length') ?? Number.NaN);
  if (length > maxSize) throw tooLarge();
  // No body is longer than its header says. workerd reads it faster as a whole.
  if (length <= maxSize) return new Uint8Array(await request.arrayBuffer());
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
