import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** The environment variables of this process, for the programs that it starts. Nothing else in `dev/` reads them. */
export function hostEnvironment(): NodeJS.ProcessEnv {
  // biome-ignore lint/style/noProcessEnv: go, apt-get, wrangler and node need PATH, HOME and the proxy settings.
  return process.env;
}

/** Names of this machine for `NO_PROXY`. */
const THIS_MACHINE = '127.0.0.1,localhost';

/**
 * Lets no request to this machine go through a proxy. With `NODE_USE_ENV_PROXY`, Node sends those to the proxy too that `NO_PROXY`
 * does not leave out, and the parts of a stack would never find each other.
 * @param environment of this process, and so of those that it starts
 */
export function leaveOutThisMachine(environment: NodeJS.ProcessEnv = hostEnvironment()): void {
  // The name in small letters wins.
  const name = environment.no_proxy === undefined ? 'NO_PROXY' : 'no_proxy';
  const others = environment[name] ?? '';
  if (others === '*' || others.endsWith(THIS_MACHINE)) return;
  environment[name] = others === '' ? THIS_MACHINE : `${others},${THIS_MACHINE}`;
}

/**
 * The folder for fetched programs and compiled code. It is outside the clone, so that `git clean` does not empty it
 * and a second clone uses it too.
 * @returns `THROUGHLINE_CACHE_DIR`, or `throughline` in the user's cache folder (XDG base directories)
 */
export function cacheDirectory(environment: NodeJS.ProcessEnv): string {
  const { THROUGHLINE_CACHE_DIR: own, XDG_CACHE_HOME: xdg, HOME: home } = environment;
  if (own !== undefined && own !== '') return own;
  // The XDG specification says that a relative path must be ignored.
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'throughline');
  return join(home === undefined || home === '' ? homedir() : home, '.cache', 'throughline');
}
