import { createRequire } from 'node:module';
import path from 'node:path';

const MANIFEST = createRequire(import.meta.url).resolve('throughline/package.json');

/** The command line of the package `throughline`. */
export const CLI = path.join(path.dirname(MANIFEST), 'dist/cli/main.js');
