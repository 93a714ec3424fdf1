/** `npm run openapi`: writes the HTTP API's document to `edge/http/docs/openapi.json`, which the Worker imports. */
import { writeFile } from 'node:fs/promises';
import { DESCRIPTIONS } from '../edge/http/descriptions/descriptions.ts';
import { openApiDocument } from '../edge/http/openapi/document.ts';
import manifest from '../package.json' with { type: 'json' };

const document = openApiDocument(DESCRIPTIONS, manifest.version);
const file = new URL('../edge/http/docs/openapi.json', import.meta.url);
await writeFile(file, `${JSON.stringify(document, null, 2)}\n`);
