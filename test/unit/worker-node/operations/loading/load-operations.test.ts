import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { loadOperations } from '../../../../../worker-node/operations/loading/load-operations.ts';
import { createRegistry } from '../../../../../worker-node/operations/operation-registry.ts';
import { refusalOf } from '../../../support.ts';

const API = new URL('../../../../../worker-node/index.ts', import.meta.url).href;
const LOADER = new URL('../../../../../worker-node/operations/loading/load-operations.ts', import.meta.url)
  .href;
/** The loader hooks of a worker that traces. */
const HOOKS = `import { register } from '${import.meta.resolve('import-in-the-middle/register-hooks.mjs')}'; register();`;
const SCHEMA = "{ '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }";

/** The text of a module that defines operations with these names. */
const moduleOf = (...names: string[]): string =>
  [
    `import { defineOperation } from ${JSON.stringify(API)};`,
    ...names.map(
      (name, index) =>
        `export const op${index} = defineOperation({ name: '${name}', input: ${SCHEMA}, run: () => null });`,
    ),
  ].join('\n');

const folders: string[] = [];

async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'throughline-operations-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
  return folder;
}

/** What was said about operations that are not loaded. */
const remarks: string[] = [];
const load = (folder: string) => loadOperations(folder, (sentence) => void remarks.push(sentence));
const namesIn = async (folder: string) => (await load(folder)).map(({ operation }) => operation.name);

afterEach(async () => {
  remarks.length = 0;
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

describe('loading a folder', () => {
  it('loads every operation that its files export, under any name', async () => {
    const folder = await folderWith({
      'one.ts': `${moduleOf('one')}\nexport default op0;\nexport const helper: number = 7;`,
      'two.mjs': moduleOf('two', 'three'),
    });
    expect(await namesIn(folder)).toEqual(['one', 'two', 'three']);
  });

  it.skipIf(process.platform === 'win32')(
    'refuses what is no file: a pipe, or a link to a device',
    async () => {
      const [pipe, link] = [await folderWith({}), await folderWith({})];
      spawnSync('mkfifo', [path.join(pipe, 'pipe.ts')]);
      await symlink('/dev/zero', path.join(link, 'zero.mjs'));
      for (const folder of [pipe, link])
        await expect(load(folder)).rejects.toThrow(/is no file that can be read to its end/);
    },
  );

  it('does not wait for a pipe in a folder below, and does not search a whole file system', async () => {
    const folder = await folderWith({ 'one.js': moduleOf('one') });
    await mkdir(path.join(folder, 'below'));
    spawnSync('mkfifo', [path.join(folder, 'below/pipe.ts')]);
    await symlink('/proc', path.join(folder, 'processes'));
    expect(await namesIn(folder)).toEqual(['one']);
  });

  it('says where a file that only helps may lie', async () => {
    const helps = 'export const vat = 1;';
    const folder = await folderWith({ 'one.ts': moduleOf('one'), 'vat.ts': helps });
    const lib = path.join(folder, 'lib');
    await expect(load(folder)).rejects.toThrow(`if the file only helps others, move it to ${lib}`);
    await rm(path.join(folder, 'vat.ts'));
    await mkdir(lib);
    await writeFile(path.join(lib, 'vat.ts'), helps);
    expect(await namesIn(folder)).toEqual(['one']);
    expect(remarks).toEqual([]);
  });

  it('ignores tests, declarations, and files that are not programs', async () => {
    const folder = await folderWith({
      'one.js': moduleOf('one'),
      'one.test.ts': 'throw new Error("a test was loaded")',
      'two.spec.mts': 'throw new Error("a test was loaded")',
      'one.d.ts': 'export declare const one: number;',
      'README.md': '# Operations',
      'data.json': '{}',
    });
    await mkdir(path.join(folder, 'nested'));
    expect(await namesIn(folder)).toEqual(['one']);
  });

  it('gives nothing for an empty folder, and says so', async () => {
    const folder = await folderWith({});
    expect(await namesIn(folder)).toEqual([]);
    expect(remarks).toEqual([
      `the folder ${folder} holds no operation file (.ts, .js, .mts, .mjs, .cts, .cjs)`,
    ]);
  });

  it.each(['cjs', 'cts'])('loads what a CommonJS module exports: .%s', async (ending) => {
    const require = `const { defineOperation } = require(${JSON.stringify(fileURLToPath(API))});`;
    const definition = (name: string) =>
      `defineOperation({ name: '${name}', input: ${SCHEMA}, run: () => null })`;
    const folder = await folderWith({
      [`one.${ending}`]: `${require}\nmodule.exports = ${definition('one')};`,
      [`two.${ending}`]: `${require}\nmodule.exports = { a: ${definition('two')}, b: ${definition('three')} };`,
      [`four.${ending}`]: `${require}\nexports.op = ${definition('four')};`,
    });
    expect((await namesIn(folder)).sort()).toEqual(['four', 'one', 'three', 'two']);
    expect(remarks).toEqual([]);
  });

  it('says which operations lie where they are not loaded', async () => {
    const folder = await folderWith({
      'one.ts': moduleOf('one'),
      'two.tsx': moduleOf('two'),
      'helper.jsx': '',
    });
    const nested = path.join(folder, 'images', 'small');
    await mkdir(nested, { recursive: true });
    await writeFile(path.join(nested, 'thumb.ts'), moduleOf('thumb'));
    await writeFile(path.join(nested, 'helper.ts'), 'export const helper = 7;');
    await writeFile(path.join(nested, 'thumb.test.ts'), moduleOf('test'));
    expect(await namesIn(folder)).toEqual(['one']);
    expect(remarks).toEqual([
      `${path.join(nested, 'thumb.ts')} defines an operation that is not loaded: only the files of ${folder} itself are loaded; move it there`,
      `${path.join(folder, 'two.tsx')} defines an operation that is not loaded: Node cannot load a file of this kind; it must be .ts, .js, .mts, .mjs, .cts or .cjs`,
    ]);
  });

  it('says it of the folder as its name is completed, with a slash', async () => {
    const folder = await folderWith({ 'one.tsx': moduleOf('one') });
    await load(`${folder}/`);
    expect(remarks[0]).toContain('Node cannot load a file of this kind');
  });

  it('follows links to files and to folders', async () => {
    const other = await folderWith({ 'one.mjs': moduleOf('one') });
    const folder = await folderWith({});
    await symlink(path.join(other, 'one.mjs'), path.join(folder, 'linked.mjs'));
    await symlink(other, path.join(folder, 'more.ts'));
    expect(await namesIn(folder)).toEqual(['one']);
    expect(remarks).toEqual([
      `${path.join(folder, 'more.ts', 'one.mjs')} defines an operation that is not loaded: only the files of ${folder} itself are loaded; move it there`,
    ]);
  });

  it('says which link leads to no file', async () => {
    const folder = await folderWith({});
    await symlink(path.join(folder, 'missing'), path.join(folder, 'one.mjs'));
    const { code, message } = await refusalOf(() => load(folder));
    expect([code, message]).toEqual([
      'config-invalid',
      `${path.join(folder, 'one.mjs')} is a link to a file that cannot be found`,
    ]);
  });

  it('returns both of two operations with the same name, and the registry refuses them', async () => {
    const folder = await folderWith({ 'a.ts': moduleOf('same'), 'b.ts': moduleOf('same') });
    const loaded = await load(folder);
    expect((await refusalOf(() => createRegistry([], loaded))).message).toContain('same');
  });

  it('passes on the error of a wrong definition', async () => {
    const folder = await folderWith({ 'bad.ts': moduleOf('Bad Name') });
    expect((await refusalOf(() => load(folder))).message).toContain('"Bad Name"');
  });

  it('says that a file is not a folder', async () => {
    const file = path.join(await folderWith({ 'one.ts': moduleOf('one') }), 'one.ts');
    expect((await refusalOf(() => load(file))).message).toContain(
      `${file} cannot be read: it is a file; name the folder`,
    );
  });

  it('says that a folder does not exist', async () => {
    const missing = path.join(await folderWith({}), 'missing');
    const error = await refusalOf(() => load(missing));
    expect(error).toMatchObject({ code: 'config-invalid' });
    expect(error.message).toContain(missing);
  });
});

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
