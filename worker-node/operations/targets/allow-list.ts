import { ThroughlineError } from '../../../shared/errors.ts';
import { commaList } from '../../../shared/text/comma-list.ts';
import { isMetadataName } from './address-ranges.ts';
import { hostOf, isLiteral, originOf } from './target-url.ts';

/** One entry of an allow-list. */
interface AllowedTarget {
  readonly protocol: string;
  /** `example.internal`, or `.example.internal` for every name below it. */
  readonly host: string;
  /** Empty: the protocol's own port. */
  readonly port: string;
}

const ENTRY = /^(https?):\/\/(\*\.)?([\p{L}\p{M}\p{N}._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?\/?$/iu;

/**
 * Origins that an operator allows, such as those of `http.request`. An empty list (the default) allows none.
 *
 * URLs and entries are compared as the URL parser reads them: `0x7f.1` is 127.0.0.1, `bücher.example` is
 * `xn--bcher-kva.example`, and a dot at the end of a name changes nothing. The metadata services of clouds are not below
 * any wildcard.
 */
export class AllowList {
  readonly #targets: readonly AllowedTarget[];
  readonly #setting: string;

  /**
   * @param text comma-separated origins: `http://billing.internal:8080, https://*.svc.example`
   * @param setting the name of the setting, for error messages
   * @throws ThroughlineError `config-invalid` quoting the entry that cannot be read, without a user and a password in it
   */
  constructor(text: string, setting = 'HTTP_REQUEST_ALLOW') {
    this.#setting = setting;
    this.#targets = commaList(text).map((entry) => parseEntry(entry, setting));
  }

  /** Whether the list names the URL's origin. */
  has(url: URL): boolean {
    const { protocol, port } = url;
    return this.#targets.some(
      (target) => target.protocol === protocol && target.port === port && hostFits(target.host, hostOf(url)),
    );
  }

  /** @throws ThroughlineError `target-refused` */
  check(url: URL): void {
    if (url.username !== '' || url.password !== '') {
      throw new ThroughlineError('target-refused', 'the URL must not hold a user name or a password');
    }
    if (this.has(url)) return;
    throw new ThroughlineError(
      'target-refused',
      `${originOf(url)} is not in ${this.#setting} of this worker`,
    );
  }
}

function hostFits(pattern: string, hostname: string): boolean {
  if (!pattern.startsWith('.')) return hostname === pattern;
  return hostname.endsWith(pattern) && !isMetadataName(hostname);
}

function parseEntry(entry: string, setting: string): AllowedTarget {
  const [, protocol, wildcard, host] = ENTRY.exec(entry) ?? [];
  const parsed = protocol === undefined ? null : URL.parse(entry.replace('*.', ''));
  const isWildcard = wildcard !== undefined;
  if (parsed === null || host === undefined || (isWildcard && isLiteral(hostOf(parsed)))) {
    throw new ThroughlineError(
      'config-invalid',
      // Without what may be a password.
      `${setting}: ${JSON.stringify(entry.replace(/^.*@/s, '…@'))} is not an origin such as http://billing.internal:8080 or https://*.svc.example`,
    );
  }
  const name = hostOf(parsed);
  return { protocol: parsed.protocol, host: isWildcard ? `.${name}` : name, port: parsed.port };
}
