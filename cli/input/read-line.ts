import type { Readable } from 'node:stream';

/** No key or token is longer. */
const MAX_LENGTH = 8_192;

/** Whether standard input is a terminal, at which somebody can be asked. */
export function isTerminal(stdin: Readable): boolean {
  return 'isTTY' in stdin && stdin.isTTY === true;
}

/**
 * Reads a short text from standard input. A user at a terminal ends it with Enter, not with the end of the input.
 * @param ask tells a user at a terminal what is waited for
 */
export async function readLine(stdin: Readable, ask: () => void): Promise<string> {
  if (isTerminal(stdin)) ask();
  let text = '';
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.length > MAX_LENGTH || text.includes('\n')) break;
  }
  return text;
}
