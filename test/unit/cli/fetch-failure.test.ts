import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { explainFailure } from '../../../cli/http/fetch-failure.ts';

/** What fetch throws if nobody listens at this port. */
function refusedAt(port: number, address = '127.0.0.1'): Error {
  const cause = Object.assign(new Error('connect'), { code: 'ECONNREFUSED', address, port });
  return new TypeError('fetch failed', { cause });
}

describe('a connection that is refused', () => {
  it.each([
    ['http://api.example:8787/v1', 8787],
    ['http://api.example/v1', 80],
    ['https://api.example/v1', 443],
  ])('by %s itself at port %i is said in two words', (url, port) => {
    expect(explainFailure(refusedAt(port), { url, isAnswered: false })).toBe('connection refused');
  });

  it('by a proxy names the proxy, since the address that was asked for did nothing', () => {
    const why = explainFailure(refusedAt(3128), { url: 'https://api.example/v1', isAnswered: false });
    expect(why).toMatch(/^connection refused by 127\.0\.0\.1:3128, a proxy of the environment \(HTTP_PROXY/);
  });

  it('by a proxy with an address of IPv6 writes it in brackets, so that the port can be told from it', () => {
    const why = explainFailure(refusedAt(3128, '::1'), { url: 'https://api.example/v1', isAnswered: false });
    expect(why).toMatch(/^connection refused by \[::1\]:3128, a proxy/);
  });
});

describe('a connection that is cut before an answer', () => {
  const cutAfter = (bytesRead: number): Error =>
    new TypeError('fetch failed', {
      cause: Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET', socket: { bytesRead } }),
    });
  const asked = { url: 'http://api.example/v1', isAnswered: false };

  it('may be one to a server of https://, which closes it at once', () => {
    const why = explainFailure(cutAfter(0), { ...asked, afterMs: 20 });
    expect(why).toBe('the connection was cut; is it an https:// address?');
  });

  it('is not, if this server took its time, or had answered on the same connection', () => {
    expect(explainFailure(cutAfter(0), { ...asked, afterMs: 5_000 })).toBe('the connection was cut');
    expect(explainFailure(cutAfter(300), { ...asked, afterMs: 20 })).toBe('the connection was cut');
  });
});

it.each([
  ['gzip', gunzipSync],
  ['br', brotliDecompressSync],
  ['zstd', zstdDecompressSync],
])('an answer that is not compressed as it says is told as such: %s', (_encoding, decompress) => {
  let cause: unknown;
  try {
    decompress('{"id":"job-1"}'.repeat(3));
  } catch (thrown) {
    cause = thrown;
  }
  const why = explainFailure(new TypeError('terminated', { cause }), {
    url: 'http://api.example/v1',
    isAnswered: true,
  });
  expect(why).toBe('the answer is not compressed as it says');
});

describe('a name with several addresses', () => {
  const failedAt = (...codes: string[]): Error => {
    const errors = codes.map((code) => Object.assign(new Error(`connect ${code}`), { code }));
    // Node gives this error no text, and the code of the first address.
    return new TypeError('fetch failed', {
      cause: Object.assign(new AggregateError(errors, ''), { code: codes[0] }),
    });
  };

  it.each([
    [['ECONNREFUSED', 'ECONNREFUSED'], 'connection refused'],
    // As on a machine without IPv6.
    [['EADDRNOTAVAIL', 'ECONNREFUSED'], 'connection refused'],
    [['EPERM', 'EPERM'], 'connect EPERM'],
  ])('that all fail (%j) has the reason of one', (codes, reason) => {
    const asked = { url: 'http://localhost:8787/v1', isAnswered: false };
    expect(explainFailure(failedAt(...codes), asked)).toBe(reason);
  });
});
