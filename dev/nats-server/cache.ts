import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/**
 * Where fetched programs are kept: outside the clone, so that `git clean` and a second clone keep them.
 * `THROUGHLINE_CACHE_DIR`, else `throughline` in the user's cache directory (XDG).
 */
export function cacheDirectory(environment: NodeJS.ProcessEnv): string {
  const { THROUGHLINE_CACHE_DIR: own, XDG_CACHE_HOME: xdg, HOME: home } = environment;
  if (own !== undefined && own !== '') return own;
  // The XDG base directory specification tells readers to ignore a relative path.
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'throughline');
  return join(home === undefined || home === '' ? homedir() : home, '.cache', 'throughline');
}
