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

/**
 * What a file imports, type imports included.
 * @param file its path from the root of the project
 * @throws Error when the file cannot be parsed
 */
export async function importsOf(file: string): Promise<Import[]> {
  const source = await readFile(file, 'utf8');
  const { module, errors } = parseSync(file, source);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${file}: ${error.message}`);
  const named = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest }) => moduleRequest?.value ?? []),
    ),
    ...module.dynamicImports.flatMap(({ moduleRequest: { start, end } }) =>
      literalOf(source.slice(start, end)),
    ),
  ];
  return [...new Set(named)].map((name) => importOf(file, name));
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
