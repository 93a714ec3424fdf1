/** `npm run cli-page`: writes docs/CLI.md from its guide and from the commands as the program defines them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cliPage } from './cli-page/page.ts';

await writeFile(join(import.meta.dirname, '../docs/CLI.md'), await cliPage());
