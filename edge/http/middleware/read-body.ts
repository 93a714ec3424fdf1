import { concatBytes } from '../../../shared/bytes.ts';
import { ThroughlineError } from '../../../shared/errors.ts';

/**
 * Reads a request's whole body. When the body is too large, its stream stays unlocked, so that `drainingResponse` can
 * discard the rest.
 * @param maxSize in bytes
 * @param tooLarge makes the error for a larger body; by default it is `payload-too-large`
 * @throws ThroughlineError what `tooLarge` makes if the body is too large; if its declared length is, nothing is read.
 *   `request-invalid` if the connection or the framing of HTTP ends the body too early
 */
export async function readBody(
  request: Request,
  maxSize: number,
  tooLarge = () => new ThroughlineError('payload-too-large', `the body is larger than ${maxSize} bytes`),
): Promise<Uint8Array> {
  const length = Number(request.headers.get('content-length') ?? Number.NaN);
  if (length > maxSize) throw tooLarge();
  // No body is longer than its header says. workerd reads it faster as a whole.
  if (length <= maxSize) return new Uint8Array(await request.arrayBuffer().catch(refuseCutOff));
  if (request.body === null) return new Uint8Array();
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  for (let size = 0; ; ) {
    const { done, value } = await reader.read().catch(refuseCutOff);
    if (done) return concatBytes(chunks, size);
    size += value.byteLength;
    if (size > maxSize) {
      reader.releaseLock();
      throw tooLarge();
    }
    chunks.push(value);
  }
}

/** workerd reports a body that breaks off as an error without a code. A TypeError is a fault of ours. */
function refuseCutOff(cause: unknown): never {
  if (cause instanceof TypeError) throw cause;
  throw new ThroughlineError('request-invalid', 'the body ended too early; send the whole body again', {
    cause,
  });
}
