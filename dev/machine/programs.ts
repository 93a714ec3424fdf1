import { fileURLToPath } from 'node:url';

/** The command line of this copy of Throughline. */
export const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
