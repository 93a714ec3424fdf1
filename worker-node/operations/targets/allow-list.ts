import { ThroughlineError } from '../../../shared/errors.ts';

/** One entry of an allow-list. */
interface AllowedTarget {
  readonly protocol: string;
  /** `example.internal`, or `.example.internal` for every name below it. */
  readonly host: string;
  /** Empty: the protocol's own port. */
  readonly port: string;
}

const ENTRY = /^(https?):\/\/(\*\.)?([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?\/?$/i;

/** Origins that an operator allows: for `http.request`, or for callbacks. An empty list (the default) allows none. */
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
    this.#targets = text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '')
      .map((entry) => parseEntry(entry, setting));
  }

  /** Whether the list names the URL's origin. */
  has({ protocol, hostname, port }: URL): boolean {
    return this.#targets.some(
      (target) => target.protocol === protocol && target.port === port && hostFits(target.host, hostname),
    );
  }

  /** @throws ThroughlineError `target-refused` */
  check(url: URL): void {
    if (url.username !== '' || url.password !== '') {
      throw new ThroughlineError('target-refused', 'the URL must not hold a user name or a password');
    }
    if (this.has(url)) return;
    throw new ThroughlineError('target-refused', `${url.origin} is not in ${this.#setting} of this worker`);
  }
}

function hostFits(pattern: string, hostname: string): boolean {
  return pattern.startsWith('.') ? hostname.endsWith(pattern) : hostname === pattern;
}

function parseEntry(entry: string, setting: string): AllowedTarget {
  const [, protocol, wildcard, host] = ENTRY.exec(entry) ?? [];
  const parsed = protocol === undefined ? null : URL.parse(entry.replace('*.', ''));
  if (parsed === null || host === undefined) {
    throw new ThroughlineError(
      'config-invalid',
      // Without what may be a password.
      `${setting}: ${JSON.stringify(entry.replace(/^.*@/s, '…@'))} is not an origin such as http://billing.internal:8080 or https://*.svc.example`,
    );
  }
  const hostname = wildcard === undefined ? parsed.hostname : `.${parsed.hostname}`;
  return { protocol: parsed.protocol, host: hostname, port: parsed.port };
}
