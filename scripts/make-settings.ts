/** `npm run settings`: writes docs/SETTINGS.md from the schemas that parse the settings. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { settingsPage } from './settings/page.ts';

await writeFile(join(import.meta.dirname, '../docs/SETTINGS.md'), settingsPage());
