import type { Place, Report } from '../report.ts';
import type { Run } from '../run.ts';
import type { Rule, SchemaNode } from '../schema-node.ts';
import { NO, UNKNOWN, type Verdict, verdictOf, YES } from '../verdict.ts';
import { isCount, type RuleMaker, simpleRule } from './rule-maker.ts';
import { mustHave } from './sentences.ts';

/** The rule of `prefixItems` and `items`, which is for the items after the prefix. */
export const items: RuleMaker = (_argument, schema, reader) => {
  const { prefixItems = [], items: others = true } = schema;
  if (!Array.isArray(prefixItems) || Array.isArray(others)) return undefined;
  const first = prefixItems.map((inner) => reader.read(inner));
  const rest = others === true ? undefined : reader.read(others);
  const nodeAt = (index: number): SchemaNode | undefined => first[index] ?? rest;
  return listRule(
    (list, run) => run.all(list.entries(), ([index, item]) => nodeAt(index)?.judge(item, run) ?? YES),
    (list, place, report) => {
      for (const [index, item] of list.entries()) {
        if (report.isFull) return;
        const node = nodeAt(index);
        if (node?.judge(item, report.run) === NO) node.explain(item, [...place, index], report);
      }
    },
  );
};

export const minItems: RuleMaker = (limit) =>
  isCount(limit) ? lengthRule((length) => length >= limit, mustHave('at least', limit, 'item')) : undefined;

export const maxItems: RuleMaker = (limit) =>
  isCount(limit) ? lengthRule((length) => length <= limit, mustHave('at most', limit, 'item')) : undefined;

export const uniqueItems: RuleMaker = (argument) => {
  if (typeof argument !== 'boolean') return undefined;
  return listRule(
    (list, run) => {
      if (!argument) return YES;
      if (repeatedIndex(list, run) !== undefined) return NO;
      return run.budget.isSpent ? UNKNOWN : YES;
    },
    (list, place, report) => {
      const index = repeatedIndex(list, report.run);
      if (index !== undefined) report.add([...place, index], 'is in the list already');
    },
  );
};

/** The index of the first item that is equal to one before it, as far as the budget goes. */
function repeatedIndex(list: readonly unknown[], run: Run): number | undefined {
  const seen = new Set<number>();
  for (const [index, item] of list.entries()) {
    if (run.budget.isSpent) return undefined;
    const id = run.idOf(item);
    if (seen.has(id)) return index;
    seen.add(id);
  }
  return undefined;
}

function lengthRule(keeps: (length: number) => boolean, sentence: string): Rule {
  return simpleRule(
    (value) => (Array.isArray(value) ? verdictOf(keeps(value.length)) : YES),
    () => sentence,
  );
}

/** A rule for lists. Every other value keeps it. */
function listRule(
  judge: (list: readonly unknown[], run: Run) => Verdict,
  explain: (list: readonly unknown[], place: Place, report: Report) => void,
): Rule {
  return {
    judge: (value, run) => (Array.isArray(value) ? judge(value, run) : YES),
    explain: (value, place, report) => {
      if (Array.isArray(value)) explain(value, place, report);
    },
  };
}
