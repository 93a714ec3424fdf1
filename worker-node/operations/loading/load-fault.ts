import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ThrownReport } from '../thrown.ts';

/** How many files that import each other are looked through. */
const MAX_FILES = 50;
const CHECK_TIMEOUT_MS = 10_000;
/** `node --check` leaves the types in an ES module, and stops at the first one. */
const CHECK_TYPESCRIPT = [
  '--no-warnings',
  '--experimental-vm-modules',
  '--eval',
  `const [, identifier] = process.argv;
  const text = require('node:fs').readFileSync(identifier, 'utf8');
  new (require('node:vm').SourceTextModule)(require('node:module').stripTypeScriptTypes(text), { identifier });`,
];
/** Our own code is not to blame for what an author passes to it. */
const OWN = ['worker-node', 'shared'].map((room) =>
  fileURLToPath(new URL(`../../../${room}/`, import.meta.url)),
);

/** Where the error is that kept a file from being loaded. */
export interface LoadFault {
  /** The line of the file itself. */
  readonly line?: number;
  /** Another file with its line, if the error is there. */
  readonly inFile?: string;
}

/**
 * Finds where the error is that kept a file from being loaded.
 * @param file its absolute path
 * @param report what was thrown
 */
export async function findFault(
  file: string,
  { type, text }: Pick<ThrownReport, 'type' | 'text'>,
): Promise<LoadFault> {
  const places = placesIn(text);
  const [place] = [...places.filter((found) => found.file === file), ...places];
  if (place !== undefined) return faultAt(place, file);
  // Node's error about an import names no line, and its error about the syntax of an ES module names no file either.
  const found = await (missingImport(text) ??
    jsonImport(text, file) ??
    (type === 'SyntaxError' ? syntaxError(file) : undefined));
  return found === undefined ? {} : faultAt(found, file);
}

/** The text of the line where an error is; empty if it cannot be read. @param file as {@link findFault} took it */
export async function lineAt(file: string, { line, inFile = `${file}:${line}` }: LoadFault): Promise<string> {
  const [, where = '', number] = /^(.*):(\d+)$/.exec(inFile) ?? [];
  const lines = (await readFile(where, 'utf8').catch(() => '')).split('\n');
  return lines[Number(number) - 1] ?? '';
}

interface Place {
  readonly file: string;
  readonly line: number;
}

function faultAt(place: Place, file: string): LoadFault {
  return place.file === file ? { line: place.line } : { inFile: `${place.file}:${place.line}` };
}

/** The places that a stack names, but for those inside Node and inside packages. */
function placesIn(stack: string): Place[] {
  return stack.split('\n').flatMap((text) => {
    const [, at, line] = /(?:^|\(|at (?:async )?)((?:file:\/\/)?\/.*?):(\d+)(?::\d+)?\)?$/.exec(text) ?? [];
    const file = at === undefined ? undefined : pathOf(at);
    if (file === undefined || file.includes('/node_modules/') || OWN.some((room) => file.startsWith(room)))
      return [];
    return [{ file, line: Number(line) }];
  });
}

/** The path that a stack names; undefined if it is none: an author may write a stack. */
function pathOf(at: string): string | undefined {
  if (!at.startsWith('file:')) return at;
  try {
    return fileURLToPath(at.replace(/\?.*$/, ''));
  } catch {
    return undefined;
  }
}

/** `Cannot find module '/a/missing.ts' imported from /a/file.ts`, and the like: the line of file.ts that imports it. */
function missingImport(stack: string): Promise<Place | undefined> | undefined {
  const [, , wanted, importer] = /(["'])(.+)\1.* imported from (.*)$/m.exec(stack) ?? [];
  return wanted === undefined || importer === undefined
    ? undefined
    : lineWith(importer, path.basename(wanted));
}

/** `Module "file:///a/rates.json" needs an import attribute of "type: json"`: the first line that imports such a file. */
function jsonImport(stack: string, file: string): Promise<Place | undefined> | undefined {
  const [, url] = /Module "(file:[^"]+)" needs an import attribute/.exec(stack) ?? [];
  const wanted = url === undefined ? undefined : pathOf(url);
  return wanted === undefined ? undefined : importOf(`/${path.basename(wanted)}`, file);
}

async function importOf(wanted: string, file: string): Promise<Place | undefined> {
  for await (const { file: next } of withImports(file)) {
    const place = await lineWith(next, wanted);
    if (place !== undefined) return place;
  }
  return undefined;
}

async function lineWith(file: string, name: string): Promise<Place | undefined> {
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  const index = lines.findIndex((line) => /\b(?:from|import|require)\b/.test(line) && line.includes(name));
  return index < 0 ? undefined : { file, line: index + 1 };
}

/** Lets Node check a file, and those that it imports. Their code does not run. */
async function syntaxError(file: string): Promise<Place | undefined> {
  for await (const { file: next } of withImports(file)) {
    const options = { encoding: 'utf8', timeout: CHECK_TIMEOUT_MS } as const;
    const check = /\.m?ts$/.test(next) ? CHECK_TYPESCRIPT : ['--check'];
    const { stderr } = spawnSync(process.execPath, [...check, next], options);
    const [place] = placesIn(stderr ?? '');
    if (place !== undefined) return place;
  }
  return undefined;
}

/** Finds the first `await` at the top level of a file, or of those that it imports. @param file its absolute path */
export async function findAwait(file: string): Promise<LoadFault> {
  for await (const { file: next, text } of withImports(file)) {
    const index = text.split('\n').findIndex(awaitsAtTopLevel);
    if (index >= 0) return faultAt({ file: next, line: index + 1 }, file);
  }
  return {};
}

/** Whether a line that is not indented awaits, outside a function. */
function awaitsAtTopLevel(line: string): boolean {
  const [before = '', ...after] = line.split(/\bawait\b/);
  return after.length > 0 && !/^[\s/*]|=>|\bfunction\b/.test(before);
}

/** A file, and those that it imports by a relative path, each once. */
async function* withImports(file: string): AsyncGenerator<{ readonly file: string; readonly text: string }> {
  const files = [file];
  for (let index = 0; index < Math.min(files.length, MAX_FILES); index++) {
    const next = files[index] ?? file;
    const text = await readFile(next, 'utf8').catch(() => '');
    yield { file: next, text };
    for (const [, specifier = ''] of text.matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]*)['"]/g)) {
      const imported = path.resolve(path.dirname(next), specifier);
      if (!files.includes(imported)) files.push(imported);
    }
  }
}
