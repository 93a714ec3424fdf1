import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** The environment variables of this process, for the programs that it starts. Nothing else in `dev/` reads them. */
export function hostEnvironment(): NodeJS.ProcessEnv {
  // biome-ignore lint/style/noProcessEnv: go, apt-get, wrangler and node need PATH, HOME and the proxy settings.
  return process.env;
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
