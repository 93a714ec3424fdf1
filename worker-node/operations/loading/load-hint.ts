import { existsSync } from 'node:fs';
import path from 'node:path';
import { shellCommand } from '../../../shared/text/terminal/shell-command.ts';

interface Hint {
  /** How Node says it. */
  readonly message: RegExp;
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
      const whole = ['.ts', '.js', '/index.ts', '/index.js'].find((ending) => existsSync(`${file}${ending}`));
      if (whole !== undefined) return `name the whole file in the import: it ends with ${whole}`;
      const source = file.replace(/\.([cm]?)js$/, '.$1ts');
      if (source === file || !existsSync(source)) return undefined;
      return `name the file as it is called: it ends with ${path.extname(source)}`;
    },
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
 * @returns undefined if that is not certain
 */
export function loadHint(message: string): string | undefined {
  for (const { message: pattern, advice } of HINTS) {
    const [found, ...parts] = pattern.exec(message) ?? [];
    if (found !== undefined) return advice(...parts);
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
