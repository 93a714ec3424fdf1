import { describeThrown } from '../../../shared/errors.ts';
import { startTimeLimit } from '../../../shared/timers.ts';
import type { OtlpTarget } from '../../../shared/trace/settings/otlp-settings.ts';
import { VERSION } from '../../../shared/version.ts';
import { type OtlpAnswer, readAnswer } from './otlp-answer.ts';

/**
 * Sends one OTLP/HTTP request in JSON to a collector. Never throws: a request without an answer may be tried again.
 * @param target where it goes, whether the body is zipped, and how long the answer may take
 * @param now gives epoch milliseconds
 */
export async function postOtlp(
  { url, headers, gzip, timeoutMs }: OtlpTarget,
  body: Uint8Array | string | Blob,
  now: () => number,
): Promise<OtlpAnswer> {
  const limit = startTimeLimit(timeoutMs);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'user-agent': `Throughline/${VERSION}`,
        ...headers,
        'content-type': 'application/json',
        ...(gzip ? { 'content-encoding': 'gzip' } : {}),
      },
      body,
      // A redirect would take the headers, which may hold a key, to another server.
      redirect: 'manual',
      signal: limit.signal,
    });
    return await readAnswer(response, now());
  } catch (thrown) {
    // The address may hold a secret in its query.
    const reason = describeThrown(thrown).replaceAll(url, 'the endpoint');
    return { taken: false, reason, retryable: true };
  } finally {
    limit.stop();
  }
}

/** Compresses the parts of a body with gzip, for a target that asks for it. */
export async function zipped(parts: readonly string[]): Promise<Uint8Array> {
  const stream = new Blob([...parts]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
