/** The operations that a worker group takes, as a list of filters: names, prefixes such as `image.>`, or `>` for all. */
import {
  filtersOverlap,
  isOperationsFilter,
  OPERATIONS_RULE,
  operationsAsWritten,
} from '../../wire/subjects.ts';

/** A group has 32 consumers, and NATS compares each message with each filter of a consumer. */
const MAX_FILTERS = 32;

/**
 * Reads what somebody wrote, such as `image.*,mail.send`. White space around a filter does not count, nor does the order.
 * @returns the filters in a fixed order, each of them once
 */
export function readOperationFilters(text: string): string[] {
  const filters = text.split(',').map((filter) => operationsAsWritten(filter.trim()));
  return [...new Set(filters)].sort();
}

/** Filters as somebody may write them. {@link readOperationFilters} reads them back. */
export function operationFiltersText(filters: readonly string[]): string {
  return filters.join(',');
}

/** Why a group cannot take these filters, as the end of a sentence; undefined if it can. */
export function operationFiltersFault(filters: readonly string[]): string | undefined {
  if (!filters.every(isOperationsFilter))
    return filters.length === 1 ? OPERATIONS_RULE : `${OPERATIONS_RULE}, or a comma list of the first two`;
  if (filters.length > MAX_FILTERS) return `must name at most ${MAX_FILTERS} operations and prefixes`;
  const twice = overlapping(filters);
  return (
    twice && `must name an operation once: ${twice[0]} and ${twice[1]} take the same jobs; leave one out`
  );
}

/** Two filters that take the same jobs; NATS refuses a consumer with them. The wider one is the first. */
function overlapping(filters: readonly string[]): readonly [string, string] | undefined {
  for (const one of filters)
    for (const other of filters)
      if (one !== other && one.endsWith('>') && filtersOverlap(one, other)) return [one, other];
  return undefined;
}

/** Whether one of the filters takes an operation. */
export function takesOperation(filters: readonly string[], operation: string): boolean {
  return filters.some((filter) => filtersOverlap(filter, operation));
}
