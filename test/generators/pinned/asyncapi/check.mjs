// Prints what AsyncAPI's own parser says about a document: an error for each line, and the number of its channels.
import { readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], 'utf8'));
// 0 is an error and 1 a warning; 2 and 3 are advice.
for (const { severity, message, path } of diagnostics)
  if (severity < 2) process.stdout.write(`fault ${path.join('.')}: ${message}\n`);
process.stdout.write(`channels ${document?.channels().all().length ?? 0}\n`);
