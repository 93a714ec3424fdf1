import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import { createApiKey, hashApiKey } from '../shared/api/access.ts';
import { ThroughlineError } from '../shared/errors.ts';
import { VERSIONS } from './versions.ts';

const TEMPLATE = path.join(import.meta.dirname, 'template');
/** A name that npm, Cloudflare, Docker and systemd take. */
const NAME = /^[a-z][a-z0-9-]{0,53}$/;

/** A project that was made. */
export interface Project {
  readonly name: string;
  /** Its absolute path. */
  readonly folder: string;
  /** Its files, relative to the folder, in order. */
  readonly files: readonly string[];
}

/**
 * Makes a project for jobs of one's own: operations with tests, the edge, containers, and a pipeline that deploys them.
 * Either all files are written or none.
 * @param folder where; it must not exist, or be empty. Its name is the name of the project
 * @throws ThroughlineError `request-invalid` for a name that cannot be used, or a folder that is not empty
 */
export async function createProject(folder: string): Promise<Project> {
  const target = path.resolve(folder);
  const name = path.basename(target);
  if (!NAME.test(name))
    throw new ThroughlineError(
      'request-invalid',
      `the folder's name is the project's name, and ${JSON.stringify(name)} is none: it must be lower-case letters, digits and -, begin with a letter, and have at most 54 characters`,
    );
  await checkEmpty(target);
  await mkdir(path.dirname(target), { recursive: true });
  const draft = await mkdtemp(path.join(path.dirname(target), `.${name}-`));
  try {
    await fill(draft, await valuesOf(name));
    const files = await filesIn(draft);
    await chmod(draft, 0o755);
    // Fails if somebody has put a file there meanwhile.
    await rmdir(target).catch(() => undefined);
    await rename(draft, target);
    return { name, folder: target, files };
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** What to type next in a new project. */
export function nextSteps({ name, folder, files }: Project): string {
  return `${name}: ${files.length} files

  cd ${path.relative('', folder) || '.'}
  npm install
  npm test       # the tests of the operation
  npm run dev    # everything on this machine
`;
}

async function checkEmpty(folder: string): Promise<void> {
  const [found] = await readdir(folder).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return [];
    throw new ThroughlineError('request-invalid', `${folder} cannot be used: ${thrown.message}`, {
      cause: thrown,
    });
  });
  if (found !== undefined)
    throw new ThroughlineError(
      'request-invalid',
      `${folder} is not empty: it holds ${found}; name a folder that does not exist`,
    );
}

async function fill(folder: string, values: ReadonlyMap<string, string>): Promise<void> {
  // npm leaves files out of a package whose names begin with a dot, so the template's begin with `_`.
  await cp(TEMPLATE, folder, { recursive: true });
  for (const entry of await readdir(folder))
    if (entry.startsWith('_'))
      await rename(path.join(folder, entry), path.join(folder, `.${entry.slice(1)}`));
  for (const file of await filesIn(folder)) {
    const place = path.join(folder, file);
    const text = await readFile(place, 'utf8');
    await writeFile(
      place,
      text.replace(/\{\{([a-z-]+)\}\}/g, (whole, key) => values.get(key) ?? whole),
    );
  }
}

/** What stands for each `{{placeholder}}` of the template. */
async function valuesOf(name: string): Promise<ReadonlyMap<string, string>> {
  const apiKey = createApiKey('dev');
  const keys = [{ id: 'dev', tenant: 'demo', hash: await hashApiKey(apiKey) }];
  return new Map([
    ...Object.entries(VERSIONS),
    ['name', name],
    ['version', manifest.version],
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
