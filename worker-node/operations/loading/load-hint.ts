import { existsSync } from 'node:fs';
import path from 'node:path';
import { shellCommand } from '../../../shared/text/terminal/shell-command.ts';

interface Hint {
  /** How Node says it. */
  readonly message: RegExp;
  /** What to do about it; undefined: nothing that is certain. */
  readonly advice: (...found: readonly string[]) => string | undefined;
}

const HINTS: readonly Hint[] = [
  {
    message: /^Cannot find package '([^']+)' imported from (.+)$/,
    // What an installed package lacks, its own manifest has to name.
    advice: (name = '', importer = '') =>
      importer.includes('/node_modules/') ? undefined : `run \`${shellCommand('npm install', name)}\``,
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
