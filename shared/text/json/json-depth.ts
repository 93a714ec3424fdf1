/**
 * Whether arrays and objects are nested deeper than `limit` in a JSON text. The text is not parsed, so a hostile text cannot
 * overflow the stack. A parser, a validator and a structured clone are recursive, and need this check first.
 */
export function isDeeperThan(text: string, limit: number): boolean {
  // A text with few brackets is not deep, wherever they are. To look for them is much faster than to read each character.
  return hasMoreBrackets(text, limit) && nestsDeeper(text, limit);
}

function nestsDeeper(text: string, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (inString) {
      if (char === '\\') i++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '{' || char === '[') {
      if (++depth > limit) return true;
    } else if (char === '}' || char === ']') depth--;
  }
  return false;
}

function hasMoreBrackets(text: string, limit: number): boolean {
  let count = 0;
  for (const bracket of ['{', '['])
    for (let at = text.indexOf(bracket); at !== -1 && count <= limit; at = text.indexOf(bracket, at + 1))
      count++;
  return count > limit;
}
