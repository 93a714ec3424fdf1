import { createInterface } from 'node:readline/promises';
import { CliError } from '../cli-error.ts';
import type { Scope } from '../host.ts';
import { isTerminal } from '../input/read-line.ts';
import { type Count, countText } from '../text/counted.ts';

interface Bulk {
  /** What the command does, such as `Cancel`. */
  readonly verb: string;
  /** One of the things; its plural ends with `s`. */
  readonly noun: string;
  /** Whether `--yes` was given. */
  readonly yes: boolean;
  readonly count: () => Promise<Count>;
}

/**
 * Asks a person at a terminal whether to change many things, and says how many. With `--yes` nobody is asked.
 * @returns whether to do it, and how many there are if they were counted
 * @throws CliError `usage-invalid` where nobody can be asked, before anything is sent; `interrupted` after Ctrl-C
 */
export async function confirmBulk(
  { verb, noun, yes, count }: Bulk,
  scope: Scope,
): Promise<{ readonly goOn: boolean; readonly total?: Count }> {
  if (yes) return { goOn: true };
  const { output, stdin } = scope;
  if (!isTerminal(stdin) || !output.interactive)
    throw new CliError('usage-invalid', '--all needs --yes here: there is no terminal at which to ask');
  const total = await count();
  if (total.count === 0) return { goOn: true, total };
  const goOn = await ask(`${verb} ${countText(total, noun)}? [y/N] `, scope);
  if (!goOn) output.note('nothing was changed');
  return { goOn, total };
}

/** How far a command is, of how many. */
export function progressText(done: number, what: string, total: Count | undefined): string {
  if (total === undefined) return `${done} ${what}`;
  return `${done} of ${total.count}${total.more ? ' or more' : ''} ${what}`;
}

/**
 * Says what a command had changed when an error ended it. With `--json`, it prints the document that the command prints at its
 * end. If nothing was changed, and no signal ended the command, the error says enough.
 * @param report the document
 * @param done what was changed, as the beginning of a sentence
 */
export function reportPart(
  { count, report, done }: { readonly count: number; readonly report: object; readonly done: string },
  { output, signal }: Scope,
): void {
  if (count === 0 && !signal.aborted) return;
  if (output.json) output.document(report);
  output.warn(`${done} before this error; the request that was under way may have changed more`);
}

async function ask(question: string, { stdin, output, signal }: Scope): Promise<boolean> {
  output.prompt(question);
  const lines = createInterface({ input: stdin });
  const onAbort = (): void => lines.close();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    for await (const line of lines) return /^\s*y(es)?\s*$/i.test(line);
    signal.throwIfAborted();
    return false;
  } finally {
    signal.removeEventListener('abort', onAbort);
    lines.close();
  }
}
