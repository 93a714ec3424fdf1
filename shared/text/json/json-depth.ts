/**
 * Returns how deeply arrays and objects are nested in a JSON text, at most `limit` + 1. The text is not parsed, so a
 * hostile text cannot overflow the stack. A parser, a validator and a structured clone are recursive, and need this
 * check first.
 */
export function jsonDepth(text: string, limit: number): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < text.length && deepest <= limit; i++) {
    const char = text[i];
    if (inString) {
      if (char === '\\') i++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '{' || char === '[') deepest = Math.max(deepest, ++depth);
    else if (char === '}' || char === ']') depth--;
  }
  return deepest;
}
