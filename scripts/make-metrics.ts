/** `npm run metrics`: writes docs/METRICS.md from the definitions of the metrics. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { metricsPage } from './metrics/page.ts';

await writeFile(join(import.meta.dirname, '../docs/METRICS.md'), metricsPage());
