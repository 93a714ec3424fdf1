import type * as z from 'zod';

/** How a client says who it is: as a user, or with a token. */
export type BrokerLogin =
  | { readonly user: string; readonly password?: string | undefined }
  | { readonly token: string };

/** The settings that say who connects. `NATS_CREDS` is the edge's, `NATS_CREDS_FILE` the worker's. */
export interface LoginSettings {
  /** A URL may hold a login: see `brokerAddress`. */
  readonly NATS_URL: { readonly login?: BrokerLogin | undefined };
  readonly NATS_USER?: string | undefined;
  readonly NATS_PASSWORD?: string | undefined;
  readonly NATS_TOKEN?: string | undefined;
  readonly NATS_CREDS?: string | undefined;
  readonly NATS_CREDS_FILE?: string | undefined;
}

const SEPARATE = ['NATS_CREDS', 'NATS_CREDS_FILE', 'NATS_TOKEN', 'NATS_USER'] as const;
/** A block of a credentials file. The first block holds a JWT, the second one a seed. Windows may have saved the file. */
const BLOCK = /-{3,}.*-{3,}\s+([\w.=-]+)\s+-{3,}.*-{3,}/g;

/** The user or the token to connect with, whichever setting holds it. Credentials files are not looked at. */
export function loginOf(settings: LoginSettings): BrokerLogin | undefined {
  return settings.NATS_URL.login ?? separateLogin(settings);
}

/** Adds an issue for each setting that contradicts another one about who connects, and for a password without its user. */
export function checkLogin(settings: LoginSettings, issues: z.core.$ZodRawIssue[]): void {
  const add = (key: string, message: string): void => {
    issues.push({ code: 'custom', path: [key], message, input: undefined });
  };
  const [first, ...others] = waysToLogIn(settings);
  for (const key of others) add(key, `contradicts ${first}: only one setting may say who connects`);
  if (settings.NATS_PASSWORD !== undefined && settings.NATS_USER === undefined) {
    add('NATS_PASSWORD', 'needs NATS_USER');
  }
}

/** The names of the settings that say who connects. The same login in two places counts once. */
function waysToLogIn(settings: LoginSettings): string[] {
  const separate = SEPARATE.filter((key) => settings[key] !== undefined);
  const { login } = settings.NATS_URL;
  const isRepeated =
    separate.length === 1 && login !== undefined && isSameLogin(login, separateLogin(settings));
  return login === undefined || isRepeated ? separate : ['NATS_URL', ...separate];
}

function separateLogin({ NATS_USER, NATS_PASSWORD, NATS_TOKEN }: LoginSettings): BrokerLogin | undefined {
  if (NATS_TOKEN !== undefined) return { token: NATS_TOKEN };
  return NATS_USER === undefined ? undefined : { user: NATS_USER, password: NATS_PASSWORD };
}

/** Whether two logins are the same. */
export function isSameLogin(one: BrokerLogin, other: BrokerLogin | undefined): boolean {
  if (other === undefined) return false;
  if ('token' in one) return 'token' in other && one.token === other.token;
  return 'user' in other && one.user === other.user && one.password === other.password;
}

/** What a credentials file holds: who connects, and the key that proves it. */
export interface Credentials {
  readonly jwt: string;
  readonly seed: string;
}

/** Reads the text of a credentials file. The NATS client takes no line ends of Windows. @returns undefined if it is none */
export function readCredentials(text: string): Credentials | undefined {
  const [jwt, seed] = [...text.matchAll(BLOCK)].map(([, content]) => content);
  return jwt === undefined || seed === undefined ? undefined : { jwt, seed };
}
