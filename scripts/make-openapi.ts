/** `npm run openapi`: writes the OpenAPI document to `edge/http/docs/openapi.json`, which the Worker serves. */
import { writeFile } from 'node:fs/promises';
import { openApiDocument } from '../edge/openapi/document.ts';
import manifest from '../package.json' with { type: 'json' };

const document = openApiDocument(manifest.version);
const file = new URL('../edge/http/docs/openapi.json', import.meta.url);
await writeFile(file, `${JSON.stringify(document, null, 2)}\n`);
