import type { Readable } from 'node:stream';

/** No key or token is longer. */
const MAX_LENGTH = 8_192;

/**
 * Reads a short text from standard input. A user at a terminal ends it with Enter, not with the end of the input.
 * @param ask tells a user at a terminal what is waited for
 */
export async function readLine(stdin: Readable, ask: () => void): Promise<string> {
  if ((stdin as { readonly isTTY?: boolean }).isTTY === true) ask();
  let text = '';
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.length > MAX_LENGTH || text.includes('\n')) break;
  }
  return text;
}
