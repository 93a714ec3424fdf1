import { shortened } from '../shortened.ts';
import { isDeeperThan } from './json-depth.ts';
import { findJsonFault } from './json-fault.ts';
import { isExactNumber } from './json-numbers.ts';
import { jsonParts } from './json-parts.ts';

const MAX_VIOLATIONS = 10;
const MAX_SHOWN = 40;

/** A place in a text, as a JSON Pointer (RFC 6901), and what is wrong there. */
interface Violation {
  readonly path: string;
  readonly message: string;
}

/** A text that cannot be taken as JSON: what is wrong with it, as the end of a sentence, and each place that is wrong. */
interface JsonRefusal {
  readonly fault: string;
  readonly violations: readonly Violation[];
}

/**
 * Reads JSON that a person or a program sent. It refuses what JSON.parse would change or lose in silence: a number that a
 * double cannot hold (RFC 7493, section 2.2), and a name that an object has twice (section 2.3).
 * @param maxDepth how deeply lists and objects may be nested; JSON.parse is recursive
 */
export function readJson(text: string, maxDepth: number): { readonly value: unknown } | JsonRefusal {
  if (isDeeperThan(text, maxDepth))
    return { fault: `is nested deeper than ${maxDepth} levels`, violations: [] };
  try {
    const value: unknown = JSON.parse(text);
    // Most programs write JSON as JSON.stringify does. Then it can lose nothing, and this is much faster than to look.
    if (JSON.stringify(value) === text) return { value };
    const violations = lossesIn(text);
    if (violations.length === 0) return { value };
    const places = violations.map(({ path, message }) => `${path || 'the whole'}: ${message}`).join('; ');
    return { fault: `would be changed when it is read: ${places}`, violations };
  } catch {
    const { line, column, message } = findJsonFault(text);
    return { fault: `is not JSON: line ${line}, column ${column}: ${message}`, violations: [] };
  }
}

/** What JSON.parse would change or lose, the first few places. @param json a text that JSON.parse takes */
function lossesIn(json: string): Violation[] {
  const violations: Violation[] = [];
  for (const { kind, source, path } of jsonParts(json)) {
    if (kind === 'repeated name') violations.push({ path: path(), message: 'this name is there twice' });
    else if (!isExactNumber(source)) violations.push({ path: path(), message: inexact(source) });
    if (violations.length === MAX_VIOLATIONS) break;
  }
  return violations;
}

function inexact(source: string): string {
  const value = Number(source);
  const changed = Number.isFinite(value) ? `JSON numbers would make it ${value}` : 'JSON numbers are smaller';
  return `${shortened(source, MAX_SHOWN)} is too exact or too large for a JSON number (${changed}); send it as text`;
}
