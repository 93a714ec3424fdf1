import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import { createApiKey, hashApiKey } from '../shared/api/access.ts';
import { ThroughlineError } from '../shared/errors.ts';
import { fileFault } from '../shared/text/file-fault.ts';
import { shellCommand } from '../shared/text/terminal/shell-command.ts';
import { makeFolder } from './make-folder.ts';
import { PackedPackages, packageValues } from './packed.ts';
import { pythonFiles, withPython } from './python.ts';
import { VERSIONS } from './versions.ts';

const TEMPLATE = path.join(import.meta.dirname, 'template');
/** A name that npm, Cloudflare, Docker and systemd take. */
const NAME = /^[a-z](?:[a-z0-9-]{0,52}[a-z0-9])?$/;
/** Files with a key in them: only the user may read them. */
const SECRET = ['.env', '.dev.vars'];
/** What a folder may hold before: the repository of a clone that has no files yet. */
const MAY_BE_THERE = ['.git'];

type FileContent = string | Uint8Array;
/** What is written, by the path in the project. */
type Files = ReadonlyMap<string, FileContent>;

/** The languages in which a project may have workers beside those in Node. */
export const LANGUAGES = ['python'] as const;

/** How to make a project. */
export interface ProjectOptions {
  /** A folder with the packed packages of Throughline. The project gets copies of them; without it, npm looks in its registry. */
  readonly packages?: string | undefined;
  /** A language in which the project has a worker too. */
  readonly worker?: (typeof LANGUAGES)[number] | undefined;
}

/** A project that was made. */
export interface Project {
  readonly name: string;
  /** Its absolute path. */
  readonly folder: string;
  /** Where npm gets the packages of Throughline: from copies in the project, or from its registry. */
  readonly packages: 'copied' | 'registry';
  /** Its files, relative to the folder, in order. */
  readonly files: readonly string[];
}

/**
 * Makes a project for jobs of one's own: operations with tests, the edge, containers, and a pipeline that deploys them.
 * Either all files are written or none.
 * @param folder where; it must not exist, or be empty, or be a clone without files. Its name is the name of the project
 * @throws ThroughlineError `request-invalid` for a name that cannot be used, a folder that is not empty or cannot be written,
 *   or a package that is not packed
 */
export async function createProject(
  folder: string,
  { packages, worker }: ProjectOptions = {},
): Promise<Project> {
  // An unset variable of a script becomes this. It must not fill the folder that the script is in.
  if (folder === '')
    throw new ThroughlineError('request-invalid', 'the folder has no name; . is this folder');
  const target = resolved(folder);
  const name = path.basename(target);
  if (!NAME.test(name))
    throw new ThroughlineError(
      'request-invalid',
      `the folder's name is the project's name, and ${JSON.stringify(name)} is none: it must be lower-case letters, digits and -, begin with a letter, not end with -, and have at most 54 characters`,
    );
  const isThere = await checkEmpty(target);
  const packed = packages === undefined ? undefined : await PackedPackages.in(packages, manifest.version);
  const template = await templateFiles(await valuesOf(name, packed));
  const files = new Map<string, FileContent>([
    ...(worker === undefined ? template : [...withPython(template), ...(await pythonFiles())]),
    ...((await packed?.files()) ?? []),
  ]);
  try {
    if (isThere) await fillFolder(target, files);
    else await makeProject(target, files);
  } catch (cause) {
    throw new ThroughlineError('request-invalid', `${folder} cannot be written: ${fileFault(cause)}`, {
      cause,
    });
  }
  const origin = packed === undefined ? 'registry' : 'copied';
  return { name, folder: target, packages: origin, files: [...files.keys()].sort() };
}

/** @throws ThroughlineError `request-invalid` if somebody has removed the folder that the command runs in */
function resolved(folder: string): string {
  try {
    return path.resolve(folder);
  } catch (cause) {
    throw new ThroughlineError('request-invalid', 'the folder that this command runs in is gone', { cause });
  }
}

/** What to type next in a new project. */
export function nextSteps({ name, folder, packages, files }: Project): string {
  const hint =
    packages === 'copied'
      ? ''
      : '    # 404? Then your registry lacks the packages: see `throughline init --help`';
  return `${name}: ${files.length} files

  ${shellCommand('cd', path.relative('', folder) || '.')}
  npm install${hint}
                 # silent for a minute? \`npm ping --fetch-retries=0\` says whether your registry, or your proxy, answers
  npm test       # the tests of the operation
  npm run dev    # everything on this machine
${files.includes('python/worker.py') ? '  npm run python:install && npm run python    # in another terminal: the worker in Python\n' : ''}`;
}

/** Whether the folder exists. @throws ThroughlineError `request-invalid` if it holds something, or is no folder */
async function checkEmpty(folder: string): Promise<boolean> {
  const found = await readdir(folder).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined;
    throw new ThroughlineError('request-invalid', `${folder} cannot be used: ${fileFault(thrown)}`, {
      cause: thrown,
    });
  });
  const [other] = found?.filter((name) => !MAY_BE_THERE.includes(name)) ?? [];
  if (other === undefined) return found !== undefined;
  throw new ThroughlineError(
    'request-invalid',
    `${folder} is not empty: it holds ${JSON.stringify(other)}; name a folder that does not exist`,
  );
}

/** Makes the folder in one step. It fails if somebody has put a file there meanwhile. */
async function makeProject(target: string, files: Files): Promise<void> {
  const draft = path.join(path.dirname(target), draftName());
  await makeFolder(path.dirname(target));
  try {
    await writeAll(draft, files);
    await rename(draft, target);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Fills a folder that is there. It stays the same folder, because a shell may be in it. */
async function fillFolder(target: string, files: Files): Promise<void> {
  const draft = path.join(target, draftName());
  const moved: string[] = [];
  try {
    await writeAll(draft, files);
    for (const entry of await readdir(draft)) {
      await rename(path.join(draft, entry), path.join(target, entry));
      moved.push(entry);
    }
  } catch (thrown) {
    for (const entry of moved) await rm(path.join(target, entry), { recursive: true, force: true });
    throw thrown;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

const draftName = (): string => `.throughline-${randomUUID()}`;

/** Writes new files: they are the user's own, whatever rights those of the template have. */
async function writeAll(folder: string, files: Files): Promise<void> {
  for (const [file, content] of files) {
    const place = path.join(folder, file);
    await makeFolder(path.dirname(place));
    await writeFile(place, content, SECRET.includes(file) ? { mode: 0o600 } : {});
  }
}

/**
 * The files of a project by their paths.
 * @param values what stands for each `{{placeholder}}`
 */
async function templateFiles(values: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, string>> {
  const texts = (await filesIn(TEMPLATE)).map(async (file) => {
    const text = await readFile(path.join(TEMPLATE, file), 'utf8');
    const filled = text.replace(/\{\{([@a-z/-]+)\}\}/g, (whole, key) => values.get(key) ?? whole);
    // npm leaves files out of a package whose names begin with a dot, so the template's begin with `_`.
    return [file.replace(/^_/, '.'), filled] as const;
  });
  return new Map(await Promise.all(texts));
}

/** What stands for each `{{placeholder}}` of the template. */
async function valuesOf(
  name: string,
  packed: PackedPackages | undefined,
): Promise<ReadonlyMap<string, string>> {
  const apiKey = createApiKey('dev');
  const keys = [{ id: 'dev', tenant: 'demo', hash: await hashApiKey(apiKey) }];
  return new Map([
    ...Object.entries(VERSIONS),
    ['name', name],
    ...packageValues(packed, manifest.version),
    ['api-key', apiKey],
    ['api-keys', JSON.stringify(keys)],
  ]);
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}
