import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { ThroughlineError } from '../../../shared/errors.ts';
import { fileFault } from '../../../shared/text/file-fault.ts';

const LOADED = /^[^.].*(?<!\.d|\.test|\.spec)\.[cm]?[jt]s$/;
const PROGRAM = /^[^.].*(?<!\.d|\.test|\.spec)\.[cm]?[jt]sx?$/;
/** How deeply folders are looked through for operations that somebody put into the wrong place. */
const MAX_DEPTH = 3;
/** How many files and folders are looked at for that. A whole file system would take minutes. */
const MAX_SEARCHED = 2_000;

/** What a folder of operations holds. */
interface OperationFiles {
  /** The files to load, with their paths, in order of their names. */
  readonly files: readonly string[];
  /** Sentences about operations that are not loaded, and about a folder without any. */
  readonly remarks: readonly string[];
}

/** Looks through a folder of operations. @throws ThroughlineError `config-invalid` if it cannot be read */
export async function findOperationFiles(folder: string): Promise<OperationFiles> {
  const entries = await entriesOf(folder);
  const isLoaded = (entry: Entry): boolean => !entry.isFolder && LOADED.test(entry.name);
  const lost = entries.find((entry) => isLoaded(entry) && entry.isLost);
  if (lost !== undefined)
    throw new ThroughlineError('config-invalid', `${lost.file} is a link to a file that cannot be found`);
  const other = entries.find((entry) => isLoaded(entry) && entry.isOther);
  if (other !== undefined)
    throw new ThroughlineError('config-invalid', `${other.file} is no file that can be read to its end`);
  const files = entries.filter(isLoaded).map(({ file }) => file);
  const search = { left: MAX_SEARCHED };
  const others = await Promise.all(
    entries.filter((entry) => !isLoaded(entry)).map((entry) => misplacedIn(entry, 1, search)),
  );
  const remarks = others.flat().map((file) => remarkAbout(file, folder));
  if (files.length === 0)
    remarks.push(`the folder ${folder} holds no operation file (.ts, .js, .mts, .mjs, .cts, .cjs)`);
  return { files, remarks };
}

interface Entry {
  readonly name: string;
  readonly file: string;
  readonly isFolder: boolean;
  /** Whether it is a link to nothing. */
  readonly isLost?: boolean;
  /** Whether it is neither a folder nor a file: a pipe, a socket or a device. Reading it may never end. */
  readonly isOther?: boolean;
}

async function entriesOf(folder: string): Promise<Entry[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const found = await Promise.all(entries.map((entry) => entryOf(folder, entry)));
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    throw new ThroughlineError(
      'config-invalid',
      `the operations folder ${folder} cannot be read: ${faultOf(cause)}`,
      {
        cause,
      },
    );
  }
}

async function entryOf(folder: string, entry: Dirent): Promise<Entry> {
  const { name } = entry;
  const file = path.join(folder, name);
  const target = entry.isSymbolicLink() ? await stat(file).catch(() => undefined) : entry;
  if (target === undefined) return { name, file, isFolder: false, isLost: true };
  const isFolder = target.isDirectory();
  return { name, file, isFolder, isOther: !isFolder && !target.isFile() };
}

function faultOf(thrown: unknown): string {
  const { code } = (thrown ?? {}) as { readonly code?: unknown };
  if (code === 'ENOTDIR') return 'it is a file; name the folder that it is in';
  return fileFault(thrown);
}

/** The files that define an operation, and that are not loaded where they are. A file that only helps is none of them. */
async function misplacedIn(entry: Entry, depth: number, search: { left: number }): Promise<string[]> {
  const { name, file, isFolder, isOther = false } = entry;
  if (search.left <= 0 || isOther) return [];
  search.left--;
  if (!isFolder) return PROGRAM.test(name) && (await definesOperation(file)) ? [file] : [];
  if (depth > MAX_DEPTH || name === 'node_modules' || name.startsWith('.')) return [];
  const entries = await entriesOf(file).catch(() => []);
  return (await Promise.all(entries.map((inner) => misplacedIn(inner, depth + 1, search)))).flat();
}

async function definesOperation(file: string): Promise<boolean> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return /\bdefineOperation\s*[(<]/.test(text);
}

function remarkAbout(file: string, folder: string): string {
  const why =
    path.resolve(path.dirname(file)) === path.resolve(folder)
      ? 'Node cannot load a file of this kind; it must be .ts, .js, .mts, .mjs, .cts or .cjs'
      : `only the files of ${folder} itself are loaded; move it there`;
  return `${file} defines an operation that is not loaded: ${why}`;
}
