import { Progress } from '../../shared/job/attempt-report.ts';
import { describeValue } from './describe-value.ts';

const RULES: Readonly<Record<string, string>> = {
  fraction: 'fraction must be a number from 0 to 1',
  message: 'message must be a text of at most 1,000 characters',
};

/**
 * Checks a progress report of an operation.
 * @param warn takes a sentence about a report that is not valid
 * @returns undefined if the report is not valid, and is left out
 */
export function readProgress(given: unknown, warn: (sentence: string) => void): Progress | undefined {
  try {
    const { data, error } = Progress.safeParse(given);
    if (data?.fraction !== undefined || data?.message !== undefined) return data;
    const faults = error?.issues.map(({ path: [field] }) => faultOf(given, field));
    warn(`progress was not reported: ${faults?.join('; ') ?? 'it has neither a fraction nor a message'}`);
  } catch {
    // The report is a proxy, or has a getter that throws.
    warn(`progress was not reported: it was given ${describeValue(given)}, which cannot be read`);
  }
  return undefined;
}

function faultOf(given: unknown, field: PropertyKey | undefined): string {
  const rule = typeof field === 'string' ? RULES[field] : undefined;
  if (rule === undefined) return `it was given ${describeValue(given)}, not { fraction, message }`;
  return `${rule}, not ${describeValue((given as Readonly<Record<PropertyKey, unknown>>)[field ?? ''])}`;
}
