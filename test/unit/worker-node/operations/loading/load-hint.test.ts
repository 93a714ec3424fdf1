import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { runCommand } from '../../../../../dev/machine/command.ts';
import { hostEnvironment } from '../../../../../dev/machine/environment.ts';
import { loadHint } from '../../../../../worker-node/operations/loading/load-hint.ts';
import { scratchFolder } from '../../../../support/cleanup.ts';

const HINT = new URL('../../../../../worker-node/operations/loading/load-hint.ts', import.meta.url).href;

/** Lets Node load a file, and gives the hint about what it says. */
async function hintFor(text: string, file = 'one.ts'): Promise<string> {
  const folder = await scratchFolder();
  const files = {
    'package.json': '{"type":"module"}',
    'lib/tax.ts': 'export type Tax = number;\nexport const tax = 1;',
    'lib/pay.mts': 'export const pay = 1;',
    'lib/vat/index.ts': 'export const vat = 1;',
    'lib/rates.json': '{"vat":1}',
    [file]: text,
  };
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), content);
  }
  const url = pathToFileURL(path.join(folder, file)).href;
  const script = `const { loadHint } = await import(${JSON.stringify(HINT)});
    const thrown = await import(${JSON.stringify(url)}).catch((error) => error);
    process.stdout.write(String(loadHint(thrown.message)));`;
  const args = ['--input-type=module', '-e', script];
  return await runCommand(process.execPath, args, { timeoutMs: 30_000, environment: hostEnvironment() });
}

it.each([
  ['a package that is not installed', "import 'left-pad';", 'run `npm install left-pad`'],
  ['a part of one', "import '@scope/pad/sub/path.js';", 'run `npm install @scope/pad`'],
  ...['@/lib/tax', '~/lib/tax', '$lib/tax', 'lib/tax', 'lib/tax.ts'].map((alias) => [
    `a path as tsconfig.json may have it, ${alias},`,
    `import '${alias}';`,
    'Node does not read `paths` and `baseUrl` of tsconfig.json; import the file by a relative path',
  ]),
  ['a file without its ending', "import './lib/tax';", 'name the whole file in the import: it ends with .ts'],
  [
    'a file named as the compiler would write it',
    "import './lib/tax.js';",
    'name the file as it is called: it ends with .ts',
  ],
  ['another kind of it', "import './lib/pay.mjs';", 'name the file as it is called: it ends with .mts'],
  ['a folder', "import './lib/vat';", 'name the whole file in the import: it ends with /index.ts'],
  ['a type', "import { Tax } from './lib/tax.ts';", 'if Tax is a type, import it with `import type`'],
  [
    'an enum',
    'enum A { b }',
    'Node removes types and changes nothing else, so write this part in JavaScript',
  ],
  ['a file in the wrong case', "import './lib/Tax.ts';", 'name the file as it is called: tax.ts'],
  [
    'JSON that is not named as such',
    "import rates from './lib/rates.json';",
    "write `with { type: 'json' }` after the name of the file",
  ],
  [
    'JSON in an older way',
    "import rates from './lib/rates.json' assert { type: 'json' };",
    'write `with` instead of `assert`',
  ],
  [
    'a part of JSON',
    "import { vat } from './lib/rates.json' with { type: 'json' };",
    'a JSON file has a default export only: `import name from …`',
  ],
  ['the folder of a CommonJS file', 'export default __dirname;', 'write import.meta.dirname'],
  ['a file that is not there', "import './lib/toll.ts';", 'undefined'],
  ['one that is not there in JavaScript', "import './lib/toll.js';", 'undefined'],
  ['a folder', "import './lib';", 'undefined'],
  ['a file below a file', "import './lib/tax.ts/Vat.ts';", 'undefined'],
  ['a folder that is not there', "import './bill/tax.ts';", 'undefined'],
  ['a throw', "throw new Error('not today');", 'undefined'],
] as [string, string, string][])(
  'a file with %s gets what helps, and nothing that does not',
  async (_what, text, hint) => {
    expect(await hintFor(text)).toBe(hint);
  },
);

it('a package that an installed package lacks is not asked of the author', () => {
  const importer = '/app/node_modules/pad/index.js';
  expect(loadHint(`Cannot find package 'left' imported from ${importer}`)).toBeUndefined();
});

it('what require() lacks is not looked for in the folder of the process', () => {
  expect(loadHint("Cannot find module './Package.json' Require stack: - /app/one.cjs")).toBeUndefined();
});

it('only a line with a decorator gets the hint about decorators', () => {
  const message = 'Invalid or unexpected token';
  expect(loadHint(message, '  @traced() run() {')).toContain('Node runs no decorators');
  expect(loadHint(message, "const mail = 'ada@example.com;")).toBeUndefined();
  expect(loadHint(message, 'const rate = 08n; // @todo')).toBeUndefined();
});

it('the export of a CommonJS file gets the way to write it', () => {
  // A program that is given with -e has a global of this name, so its own message is given here.
  const message = 'module is not defined in ES module scope';
  expect(loadHint(message, 'module.exports = bill;')).toBe('write `export default` instead');
  expect(loadHint(message, 'const main = module.paths;')).toBeUndefined();
});
