/** `npm run vectors`: writes an example of each message that passes over NATS into `test/vectors`. */
import { writeFile } from 'node:fs/promises';
import { vectors } from '../test/vectors/vectors.ts';

for (const [name, content] of Object.entries(await vectors())) {
  await writeFile(
    new URL(`../test/vectors/${name}`, import.meta.url),
    `${JSON.stringify(content, null, 2)}\n`,
  );
}
