import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseSync } from 'oxc-parser';

const PACKAGES = 'node_modules/';

/** One import of a file: another file of the project, a package, or a module of the runtime. */
export interface Import {
  /** The importing file, from the root of the project. */
  readonly from: string;
  /** The imported file from the root of the project, or the name of the package or module as it is written. */
  readonly to: string;
  readonly isOwnFile: boolean;
}

/** The text between the quotes of an import, and where it begins in the source. */
interface Specifier {
  readonly name: string;
  readonly start: number;
}

/**
 * What a file imports, type imports included.
 * @param file its path from the root of the project
 * @throws Error when the file cannot be parsed
 */
export async function importsOf(file: string): Promise<Import[]> {
  const names = specifiersIn(file, await readFile(file, 'utf8')).map(({ name }) => name);
  return [...new Set(names)].map((name) => importOf(file, name));
}

/**
 * The specifiers of all imports of a source, in no order.
 * @param file the name of the file, which says which language it is in
 * @throws Error when it cannot be parsed
 */
export function specifiersIn(file: string, source: string): Specifier[] {
  const { module, errors } = parseSync(file, source);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${file}: ${error.message}`);
  const fromStatements = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest),
    ...module.staticExports.flatMap(({ entries }) => entries.flatMap((entry) => entry.moduleRequest ?? [])),
  ];
  return [
    // A quote comes before the name.
    ...fromStatements.map(({ value, start }) => ({ name: value, start: start + 1 })),
    ...module.dynamicImports.flatMap(({ moduleRequest: { start, end } }) =>
      literalOf(source.slice(start, end)).map((name) => ({ name, start: start + 1 })),
    ),
  ];
}

function importOf(from: string, name: string): Import {
  if (!name.startsWith('.')) return { from, to: name, isOwnFile: false };
  const to = path.posix.join(path.posix.dirname(from), name);
  // A file of a package, by its path, is a part of that package.
  return to.startsWith(PACKAGES)
    ? { from, to: to.slice(PACKAGES.length), isOwnFile: false }
    : { from, to, isOwnFile: true };
}

/** The text of a string literal; nothing for an expression, whose value only a run can tell. */
function literalOf(expression: string): string[] {
  const [, text] = /^['"`]([^'"`$]+)['"`]$/.exec(expression) ?? [];
  return text === undefined ? [] : [text];
}
