import { spawnSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderWith, moduleOf } from './operation-folder.ts';

const LOADER = new URL('../../../../../worker-node/operations/loading/load-operations.ts', import.meta.url)
  .href;
/** The loader hooks of a worker that traces. */
const HOOKS = `import { register } from '${import.meta.resolve('import-in-the-middle/register-hooks.mjs')}'; register();`;
/**
 * What `loadOperations` says in a process of its own: this one has a loader that is not Node's.
 * @param cwd the folder in which the process starts
 * @param hooked whether the process has the loader hooks of a worker that traces
 */
function messageInNode(folder: string, { hooked = false, cwd = process.cwd() } = {}): string {
  const program = `
    ${hooked ? HOOKS : ''}
    import { loadOperations } from ${JSON.stringify(LOADER)};
    await loadOperations(${JSON.stringify(folder)}, () => undefined).then(
      (loaded) => console.log('loaded ' + loaded.length),
      ({ code, message }) => console.log(code + ': ' + message),
    );`;
  const args = ['--input-type=module', '-e', program];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: 30_000,
    cwd,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.trim();
}

describe('a file that cannot be loaded', () => {
  it.each([
    ['itself', 'export const a = 1;\nawait new Promise(() => {});', ':2 will never load', ''],
    ['itself, in a variable', '\n\nexport const a = await new Promise(() => {});', ':3 will never load', ''],
    ['in a file that it imports', 'export * from "./lib/slow.mjs";', ' will never load', ':2)'],
  ])('is named if it awaits what never comes: %s', async (_where, text, start, end) => {
    const folder = await folderWith({ 'good.mjs': moduleOf('good'), 'stuck.mjs': text });
    await mkdir(path.join(folder, 'lib'));
    const slow = path.join(folder, 'lib', 'slow.mjs');
    await writeFile(slow, 'const wait = async () => await 1;\nexport const a = await new Promise(() => {});');
    const where = end === '' ? '' : ` (in ${slow}${end}`;
    expect(messageInNode(folder)).toBe(
      `config-invalid: ${path.join(folder, 'stuck.mjs')}${start}: it awaits something that does not settle${where}`,
    );
  });

  it('is not blamed for the syntax of a file that it imports, although it has types', async () => {
    const text = 'import { x } from "./lib/odd.mts";\nexport const id = (a: number): number => a + x;';
    const folder = await folderWith({ 'broken.ts': text });
    await mkdir(path.join(folder, 'lib'));
    const odd = path.join(folder, 'lib', 'odd.mts');
    await writeFile(odd, 'const y: number = 1;\nexport const z = y;\nexport const x = y.#x;');
    expect(messageInNode(folder)).toMatch(/broken\.ts cannot be loaded: .*\(in .*\/lib\/odd\.mts:3\)$/);
  });

  const HELPER = 'export const helper = 7;';
  it.each<[string, string, string, Record<string, string>?]>([
    ['a syntax error', 'export const a = 1;\n\nexport const = ;', ':3 cannot be loaded: '],
    [
      'a name that is declared twice',
      'let a = 1;\nlet a = 2;\nexport {};',
      ":2 cannot be loaded: Identifier 'a'",
    ],
    [
      'TypeScript that Node cannot run',
      'export const a = 1;\nenum B { C }',
      ':2 cannot be loaded: TypeScript enum',
    ],
    [
      'a decorator',
      'const id = (a) => a;\nclass A {\n  @id b() {}\n}\nexport {};',
      ':3 cannot be loaded: Invalid or unexpected token; Node runs no decorators',
    ],
    [
      'an import of JSON that is not named as such',
      'import old from "./lib/old-rates.json" with { type: "json" };\nimport rates from "./lib/rates.json";',
      ':2 cannot be loaded: Module ',
      { 'rates.json': '{}', 'old-rates.json': '{}' },
    ],
    ['a throw', 'const a = 1;\nthrow new Error("not today");', ':2 cannot be loaded: not today'],
    [
      'a throw of what is no error',
      'throw null;',
      ' cannot be loaded: null was thrown, which is not an Error',
    ],
    [
      'a throw inside a function',
      'const fail = () => {\n  null.a;\n};\nfail();',
      ':2 cannot be loaded: Cannot read',
    ],
    [
      'an import of what is not there',
      'const a = 1;\nimport "../../missing.ts";\nexport {};',
      ':2 cannot be loaded: Cannot find',
    ],
    [
      'an import of a package that is not there',
      '\n\nimport "missing-package";',
      ":3 cannot be loaded: Cannot find package 'missing-package'",
    ],
    [
      'an import that its package.json should name',
      '\nimport "#lib/tax";\nexport {};',
      ':2 cannot be loaded: Package import specifier "#lib/tax" is not defined',
      { '../package.json': '{"type":"module"}' },
    ],
    [
      'an import of a file in a folder with an apostrophe',
      'import "node:path";\nimport "./lib/a\'s/gone.mjs";',
      ':2 cannot be loaded: Cannot find module',
    ],
    [
      'an import of a part that Throughline does not have',
      '\nimport { wait } from "throughline/workers";',
      ':2 cannot be loaded: there is no "throughline/workers": an operation imports throughline/worker, ',
    ],
    [
      'an import of Throughline as a whole',
      'import { ThroughlineClient } from "throughline";',
      ':1 cannot be loaded: there is no "throughline": an operation imports throughline/worker, ',
    ],
    [
      'an import of a name that is not there',
      '\nimport { a } from "./lib/helper.mjs";',
      ':2 cannot be loaded: The requested module',
      { 'helper.mjs': HELPER },
    ],
    [
      'a wrong definition',
      `${moduleOf('good')}\n${moduleOf('Bad Name').replace('import', '// import').replace('op0', 'op1')}`,
      ':4 cannot be loaded: operation "Bad Name": name must be',
    ],
    ['a call of process.exit', '\nprocess.exit(0);', ':2 cannot be loaded: process.exit(0) was called'],
    [
      'a throw of an error that cannot be read',
      'const errors = new Proxy([], { get() { throw 1; } });\nthrow Object.assign(new Error("odd"), { errors });',
      ':2 cannot be loaded: odd',
    ],
    ...['message', 'stack', 'name'].map((key): [string, string, string] => [
      `a throw of an error whose ${key} cannot be read`,
      `throw Object.defineProperty(new Error("odd"), "${key}", { get() { throw 1; } });`,
      ' cannot be loaded: ',
    ]),
    [
      'a stack that names no file',
      '\nthrow Object.assign(new Error("odd"), { stack: "Error: odd\\n    at a (file:///a%2Fb.js:3:1)" });',
      ' cannot be loaded: odd',
    ],
    [
      'a call of an exit that it imported',
      'import { exit } from "node:process";\nexit(0);',
      ':2 cannot be loaded: process.exit(0) was called',
    ],
    ['no export', 'const unused = 1;', ' exports no operation'],
    ['an export of something else', 'export const run = () => 7;', ' exports no operation'],
  ])('names the file and the line with %s', async (_what, text, sentence, lib = {}) => {
    for (const ending of ['ts', 'mjs'] as const) {
      if (ending === 'mjs' && text.includes('enum')) continue;
      const folder = await folderWith({ [`broken.${ending}`]: text });
      await mkdir(path.join(folder, 'lib'));
      for (const [name, code] of Object.entries(lib)) await writeFile(path.join(folder, 'lib', name), code);
      const message = messageInNode(folder, { hooked: ending === 'mjs' });
      expect(message).toContain(`config-invalid: ${path.join(folder, `broken.${ending}`)}${sentence}`);
    }
  });

  it.each([
    ['mjs', "import { defineOperation } from 'throughline/worker';\n", true],
    ['ts', "import { defineOperation } from 'throughline/worker';\n", false],
    ['cjs', "const { defineOperation } = require('throughline/worker');\n", false],
  ])('gives this copy of Throughline to a file that finds none: .%s', async (ending, text, hooked) => {
    const folder = await folderWith({
      [`one.${ending}`]: `${text}defineOperation({ name: 'Bad Name' });`,
    });
    expect(messageInNode(folder, { hooked })).toContain('operation "Bad Name": name must be');
  });

  it('gives a file the copy of Throughline that is nearest to it', async () => {
    const folder = await folderWith({ 'one.mjs': "import 'throughline/worker';" });
    const copy = path.join(folder, 'node_modules/throughline');
    await mkdir(copy, { recursive: true });
    await writeFile(path.join(copy, 'package.json'), JSON.stringify({ exports: { './worker': './own.js' } }));
    await writeFile(path.join(copy, 'own.js'), 'throw new Error("the near one");');
    expect(messageInNode(folder)).toContain('the near one');
  });

  it('gives nothing for another package that is missing', async () => {
    const folder = await folderWith({ 'one.mjs': "import 'throughline-of-others';" });
    expect(messageInNode(folder)).toContain("Cannot find package 'throughline-of-others'");
  });

  it('is named with its line although the code of another file went to another folder', async () => {
    const folder = await folderWith({
      'away.mjs': `process.chdir('/');\n${moduleOf('away')}`,
      'odd.mjs': 'import "./away.mjs";\nimport "./lib/gone.mjs";',
      'late.mjs': 'import "./away.mjs";\nthrow new Error("odd");',
    });
    const [parent, name] = [path.dirname(folder), path.basename(folder)];
    expect(messageInNode(name, { cwd: parent })).toMatch(
      /^config-invalid: [\w-]+\/(odd|late)\.mjs:2 cannot be loaded/,
    );
    await rm(path.join(folder, 'odd.mjs'));
    expect(messageInNode(name, { cwd: parent })).toContain(`${name}/late.mjs:2 cannot be loaded: odd`);
  });

  it('names the CommonJS file whose exports throw', async () => {
    const folder = await folderWith({
      'odd.cjs': 'module.exports = { get a() {\n throw new Error("odd"); } };',
    });
    expect(messageInNode(folder)).toBe(
      `config-invalid: ${path.join(folder, 'odd.cjs')}:2 cannot be loaded: odd`,
    );
  });

  it.each([
    ['a syntax error', 'export const a = 1;\nlet b = ;', 'Unexpected token'],
    ['a throw', 'export const a = 1;\nthrow new Error("not today");', 'not today'],
  ])('names the imported file that has %s', async (_what, text, reason) => {
    const folder = await folderWith({ 'one.mjs': 'import { a } from "./lib/broken.mjs";\nexport { a };' });
    await mkdir(path.join(folder, 'lib'));
    await writeFile(path.join(folder, 'lib', 'broken.mjs'), text);
    const message = messageInNode(folder);
    expect(message).toContain(`${path.join(folder, 'one.mjs')} cannot be loaded: ${reason}`);
    expect(message).toContain(`(in ${path.join(folder, 'lib', 'broken.mjs')}:2)`);
  });
});
