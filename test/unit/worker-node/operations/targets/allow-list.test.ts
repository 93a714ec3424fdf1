import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AllowList } from '../../../../../worker-node/operations/targets/allow-list.ts';
import { refusalOf } from '../../../support.ts';

const LIST =
  'http://billing.internal:8080, https://*.svc.example,http://plain.internal,http://[fd00::7]:8080/,' +
  'https://b\u00fccher.example, http://my_service:81, http://dotted.internal., http://*.google.internal';

const allows = (list: string, url: string): void => new AllowList(list).check(new URL(url));

describe('an allow-list', () => {
  it.each([
    'http://billing.internal:8080',
    'http://billing.internal:8080/any/path?query=1#part',
    'HTTP://BILLING.internal:8080/',
    'https://a.svc.example',
    'https://a.b.svc.example:443/',
    'http://plain.internal',
    'http://plain.internal:80/x',
    'http://[fd00::7]:8080/',
    'http://[fd00:0:0::7]:8080/',
    'http://billing.internal.:8080/',
    'https://a.svc.example./',
    'http://dotted.internal/',
    'https://B\u00dcCHER.example/',
    'https://xn--bcher-kva.example/',
    'http://my_service:81/',
    'http://b.google.internal/',
  ])('allows %s', (url) => {
    expect(() => allows(LIST, url)).not.toThrow();
  });

  it.each([
    ['another port', 'http://billing.internal:8081'],
    ['the protocol’s own port if another is listed', 'http://billing.internal'],
    ['another protocol', 'https://billing.internal:8080'],
    ['another protocol below a wildcard', 'http://a.svc.example'],
    ['a name below one that is listed', 'http://a.billing.internal:8080'],
    ['a name around one that is listed', 'http://billing.internal.evil.example:8080'],
    ['a name that ends like one that is listed', 'http://notbilling.internal:8080'],
    ['the name that a wildcard is below', 'https://svc.example'],
    ['a name that ends like a wildcard', 'https://evilsvc.example'],
    ['a name below a wildcard, as a part of another', 'https://a.svc.example.evil.example'],
    ['a wildcard’s name in the path', 'https://evil.example/a.svc.example'],
    ['a wildcard’s name as the user', 'https://a.svc.example@evil.example'],
    ['a user and a password', 'http://user:secret@billing.internal:8080'],
    ['a user', 'http://user@billing.internal:8080'],
    ['an empty user and a password', 'http://:secret@billing.internal:8080'],
    ['cloud metadata below a wildcard', 'http://metadata.google.internal/'],
    ['cloud metadata below a wildcard, with a dot', 'http://metadata.google.internal./'],
    ['cloud metadata', 'http://169.254.169.254/latest/meta-data/'],
    ['IPv6 loopback', 'http://[::1]/'],
    ['loopback, short', 'http://127.1/'],
    ['loopback, hexadecimal', 'http://0x7f000001/'],
    ['loopback, decimal', 'http://2130706433/'],
    ['loopback, octal', 'http://0177.0.0.1/'],
    ['loopback inside IPv6', 'http://[::ffff:127.0.0.1]/'],
    ['any address', 'http://0/'],
    ['localhost', 'http://localhost:8080/'],
    ['a file', 'file:///etc/passwd'],
    ['a file of a host that is listed', 'file://billing.internal:8080/etc/passwd'],
    ['gopher', 'gopher://billing.internal:8080/_x'],
    ['data', 'data:text/plain,x'],
    ['ftp', 'ftp://billing.internal:8080/'],
    ['a script', 'javascript:alert(1)'],
  ])('refuses %s', async (_what, text) => {
    const url = URL.parse(text);
    // A text that is not a URL is refused by the schema of the input.
    if (url === null) return;
    const error = await refusalOf(() => new AllowList(LIST).check(url));
    expect(error).toMatchObject({ code: 'target-refused' });
    expect(error.message).not.toContain('secret');
  });

  it('knows an address by its value, however it is written', () => {
    for (const url of ['http://127.1:8080', 'http://0x7f000001:8080', 'http://2130706433:8080']) {
      expect(() => allows('http://127.0.0.1:8080', url)).not.toThrow();
    }
  });

  it('that is empty allows nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.webUrl(), fc.constantFrom('', ' ', ',', ' , ,'), async (url, list) => {
        expect((await refusalOf(() => allows(list, url))).code).toBe('target-refused');
      }),
    );
  });

  it.each([
    '*',
    'billing.internal',
    '//billing.internal',
    'http://*',
    'https://a.*.example',
    'http://billing.internal/path',
    'http://billing.internal:99999',
    'ftp://billing.internal',
    'http://a b',
    'http://',
    'http://billing.internal;http://other.internal',
    'http://[::1',
    'http://*.1.2.3.4',
    'http://*.127.1',
  ])('cannot hold %j, and the error quotes the entry', async (entry) => {
    const error = await refusalOf(() => new AllowList(`http://plain.internal, ${entry}`));
    expect(error.code).toBe('config-invalid');
    expect(error.message).toMatch(/^HTTP_REQUEST_ALLOW: /);
    expect(error.message).toContain(JSON.stringify(entry));
  });

  it.each([
    'http://canary@billing.internal',
    'ftp://ann:canary@billing.internal',
    'ann:canary@billing.internal',
  ])('cannot hold a user or a password, and the error does not show them: %s', async (entry) => {
    const { message } = await refusalOf(() => new AllowList(entry));
    expect(message).toMatch(/^HTTP_REQUEST_ALLOW: "…@billing.internal" is not an origin/);
  });
});
