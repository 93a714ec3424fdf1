import { enableCompileCache } from 'node:module';
import { isAbsolute, join } from 'node:path';
import type { Environment } from './config.ts';

/**
 * Keeps what Node makes of the sources, in the user's own cache directory (XDG base directories): most of a short
 * command's time is stripping types and compiling. Nothing depends on it; without a home there is none.
 */
export function keepCompiledCode(environment: Environment): void {
  const { XDG_CACHE_HOME: xdg, HOME: home } = environment;
  if (xdg !== undefined && isAbsolute(xdg)) enableCompileCache(join(xdg, 'throughline', 'compiled'));
  else if (home !== undefined && isAbsolute(home))
    enableCompileCache(join(home, '.cache', 'throughline', 'compiled'));
}
