import { existsSync } from 'node:fs';
import path from 'node:path';
import { cacheDirectory, hostEnvironment } from '../../dev/machine/environment.ts';
import { SUITE } from '../support/suite-settings.ts';

/** Where cargo builds, outside the clone. @param what the programs that are built there */
export function rustTarget(what: string): string {
  return path.join(cacheDirectory(hostEnvironment()), 'rust', what);
}

/** Why nothing is built in a folder; undefined: it may be. A first build takes minutes, so it must be asked for. */
export function whyNoRust(target: string): string | undefined {
  if (SUITE.RUST_BUILD || existsSync(target)) return undefined;
  return `nothing was built in ${target} yet; npm run test:rust does it, which takes minutes`;
}
