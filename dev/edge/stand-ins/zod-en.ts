/**
 * zod's sentences about values that do not fit, in English, for what the schemas of the Worker have. wrangler.toml puts this module in
 * their place: zod also has the names of thirty formats, of files, and of things that JSON has not.
 */
import type { $ZodErrorMap, $ZodRawIssue } from 'zod/v4/core';
import { joinValues, parsedType, stringifyPrimitive } from '../../../node_modules/zod/v4/core/util.js';

const UNITS: Readonly<Record<string, string>> = { string: 'characters', array: 'items', map: 'entries' };
const FORMATS: Readonly<Record<string, string>> = { datetime: 'ISO datetime' };

function sentenceOf(issue: $ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `Invalid input: expected ${issue.expected}, received ${typeOf(issue.input)}`;
    case 'invalid_value':
      return issue.values.length === 1
        ? `Invalid input: expected ${stringifyPrimitive(issue.values[0] as string)}`
        : `Invalid option: expected one of ${joinValues(issue.values as string[], '|')}`;
    case 'too_big':
      return `Too big: ${sizeOf(issue, issue.maximum, '<')}`;
    case 'too_small':
      return `Too small: ${sizeOf(issue, issue.minimum, '>')}`;
    case 'invalid_format':
      return issue.format === 'regex'
        ? `Invalid string: must match pattern ${issue.pattern}`
        : `Invalid ${FORMATS[issue.format] ?? issue.format}`;
    case 'unrecognized_keys':
      return `Unrecognized key${issue.keys.length > 1 ? 's' : ''}: ${joinValues(issue.keys, ', ')}`;
    case 'invalid_key':
      return `Invalid key in ${issue.origin}`;
    default:
      return 'Invalid input';
  }
}

function typeOf(input: unknown): string {
  return typeof input === 'number' && !Number.isFinite(input) ? String(input) : parsedType(input);
}

interface Sized {
  readonly origin: string;
  readonly exact?: boolean;
  readonly inclusive?: boolean;
}

function sizeOf({ origin, exact, inclusive }: Sized, bound: number | bigint, sign: '<' | '>'): string {
  const unit = UNITS[origin];
  const adjective = exact ? 'exactly ' : inclusive ? `${sign}=` : sign;
  return `expected ${origin} to ${unit === undefined ? 'be' : 'have'} ${adjective}${bound}${unit === undefined ? '' : ` ${unit}`}`;
}

/** @returns the locale, as zod takes it */
export default function en(): { readonly localeError: $ZodErrorMap } {
  return { localeError: sentenceOf as $ZodErrorMap };
}
