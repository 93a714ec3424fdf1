import type { Place, Report } from '../report.ts';
import type { Run } from '../run.ts';
import type { Rule } from '../schema-node.ts';
import { NO, UNKNOWN, type Verdict, verdictOf, YES } from '../verdict.ts';
import { isCount, isObject, keysOf, type RuleMaker, type SchemaObject, simpleRule } from './rule-maker.ts';
import { mustHave } from './sentences.ts';

export const required: RuleMaker = (names) => {
  if (!isNames(names)) return undefined;
  return objectRule(
    (value, run) => run.all(names, (name) => presence(value, name, run)),
    (value, place, report) => {
      for (const name of names) if (!Object.hasOwn(value, name)) report.add([...place, name], 'is missing');
    },
  );
};

export const propertyNames: RuleMaker = (argument, _schema, reader) => {
  const node = reader.read(argument);
  const judgeName = (name: string, run: Run) => (name === '__proto__' ? UNKNOWN : node.judge(name, run));
  return objectRule(
    (value, run) => run.all(keysOf(value, run), (name) => judgeName(name, run)),
    (value, place, report) => {
      for (const name of Object.keys(value)) {
        if (report.isFull) return;
        if (judgeName(name, report.run) === NO)
          report.add([...place, name], 'has a name that is not allowed');
      }
    },
  );
};

export const minProperties: RuleMaker = (limit) =>
  isCount(limit) ? sizeRule((size) => size >= limit, mustHave('at least', limit, 'field')) : undefined;

export const maxProperties: RuleMaker = (limit) =>
  isCount(limit) ? sizeRule((size) => size <= limit, mustHave('at most', limit, 'field')) : undefined;

function sizeRule(keeps: (size: number) => boolean, sentence: string): Rule {
  return simpleRule(
    (value, run) => (isObject(value) ? verdictOf(keeps(keysOf(value, run).length)) : YES),
    () => sentence,
  );
}

/** A rule for objects. Every other value keeps it. */
function objectRule(
  judge: (value: SchemaObject, run: Run) => Verdict,
  explain: (value: SchemaObject, place: Place, report: Report) => void,
): Rule {
  return {
    judge: (value, run) => (isObject(value) ? judge(value, run) : YES),
    explain: (value, place, report) => {
      if (isObject(value)) explain(value, place, report);
    },
  };
}

function presence(value: SchemaObject, name: string, run: Run): Verdict {
  run.budget.spend(1);
  return verdictOf(Object.hasOwn(value, name));
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}
