import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../');

/** How a setting is shown to be read: a value that changes what is read, and one that is refused or warned about. */
export interface SettingProof {
  /** A value other than the default. */
  readonly good: unknown;
  /** Other settings that it needs. */
  readonly with?: Readonly<Record<string, unknown>>;
  /** A value that is not valid; left out if every text is. */
  readonly wrong?: unknown;
}

/** The names that no source file of these folders uses, except the one that parses them. */
export async function unusedNames(
  names: readonly string[],
  folders: string,
  parser: string,
): Promise<string[]> {
  const sources: string[] = [];
  for await (const file of glob(`${folders}/**/*.ts`, { cwd: ROOT })) {
    if (file !== parser) sources.push(await readFile(join(ROOT, file), 'utf8'));
  }
  // Names in comments do not count.
  const code = sources.join('\n').replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, '');
  return names.filter((name) => !new RegExp(`\\b${name}\\b`).test(code));
}

/** What a reader of settings refuses; '' if it takes them. */
export function sentenceOf(read: () => unknown): string {
  try {
    read();
    return '';
  } catch (thrown) {
    return String(thrown);
  }
}
