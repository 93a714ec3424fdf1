import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { shellCommand } from '../../../shared/text/terminal/shell-command.ts';

interface Hint {
  /** How Node says it. */
  readonly message: RegExp;
  /** What stands in the line, if the message alone does not tell. */
  readonly line?: RegExp;
  /** What to do about it; undefined: nothing that is certain. */
  readonly advice: (...found: readonly string[]) => string | undefined;
}

/** What npm takes as the name of a package. */
const PACKAGE = /^(?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*$/i;

const HINTS: readonly Hint[] = [
  {
    message: /^Cannot find package '([^']+)' imported from (.+)$/,
    // What an installed package lacks, its own manifest has to name.
    advice: (name = '', importer = '') => {
      if (importer.includes('/node_modules/')) return undefined;
      if (!PACKAGE.test(name) || isBeside(name, importer))
        return 'Node does not read `paths` and `baseUrl` of tsconfig.json; import the file by a relative path';
      return `run \`${shellCommand('npm install', name)}\``;
    },
  },
  {
    message: /^(?:Cannot find module|Directory import) '([^']+)' /,
    advice: (file = '') => {
      // What require() lacks is named as the author wrote it.
      if (!path.isAbsolute(file)) return undefined;
      const whole = ['.ts', '.js', '/index.ts', '/index.js'].find((ending) => existsSync(`${file}${ending}`));
      if (whole !== undefined) return `name the whole file in the import: it ends with ${whole}`;
      const source = file.replace(/\.([cm]?)js$/, '.$1ts');
      if (source !== file && existsSync(source))
        return `name the file as it is called: it ends with ${path.extname(source)}`;
      const other = inOtherCase(file);
      return other === undefined ? undefined : `name the file as it is called: ${other}`;
    },
  },
  {
    message: /needs an import attribute of "type: json"/,
    advice: () => "write `with { type: 'json' }` after the name of the file",
  },
  {
    message: /^Unexpected identifier 'assert'/,
    advice: () => 'write `with` instead of `assert`',
  },
  {
    message: /^The requested module '[^']+\.json' does not provide an export/,
    advice: () => 'a JSON file has a default export only: `import name from …`',
  },
  {
    message: /^(__dirname|__filename) is not defined in ES module scope/,
    advice: (name = '') => `write import.meta.${name.slice(2)}`,
  },
  {
    message: /^(?:module|exports) is not defined in ES module scope/,
    line: /\bexports\b/,
    advice: () => 'write `export default` instead',
  },
  {
    message: /^Invalid or unexpected token/,
    line: /^[^'"`/]*@[\w$]/,
    advice: () => 'Node runs no decorators (`@…`), so write this part without them',
  },
  {
    message: /^The requested module '[^']+' does not provide an export named '([^']+)'/,
    advice: (name) => `if ${name} is a type, import it with \`import type\``,
  },
  {
    message: /^TypeScript .+ is not supported in strip-only mode/,
    advice: () => 'Node removes types and changes nothing else, so write this part in JavaScript',
  },
];

/**
 * What an author can do about a file that Node does not load.
 * @param message what Node says about it
 * @param line the text of the line where the error is
 * @returns undefined if that is not certain
 */
export function loadHint(message: string, line = ''): string | undefined {
  for (const hint of HINTS) {
    const [found, ...parts] = hint.message.exec(message) ?? [];
    if (found !== undefined && (hint.line?.test(line) ?? true)) return hint.advice(...parts);
  }
  return undefined;
}

/** Whether a file or a folder of this name lies beside the file that imports it, or above it in its project. */
function isBeside(name: string, importer: string): boolean {
  for (let folder = path.dirname(importer); folder !== path.dirname(folder); folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, name))) return true;
    if (existsSync(path.join(folder, 'package.json'))) return false;
  }
  return false;
}

/** The name of the file that differs from this one in small and capital letters only. */
function inOtherCase(file: string): string | undefined {
  const { dir, base } = path.parse(file);
  return namesIn(dir).find((name) => name !== base && name.toLowerCase() === base.toLowerCase());
}

/** The names in a folder; none if it cannot be read. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
