import type { Run } from '../run.ts';
import type { Rule, SchemaNode } from '../schema-node.ts';
import { NO, not, UNKNOWN, YES } from '../verdict.ts';
import { explainForms } from './forms.ts';
import { type RuleMaker, type SchemaReader, simpleRule } from './rule-maker.ts';

export const allOf: RuleMaker = (argument, _schema, reader) =>
  ruleOfMany(argument, reader, (nodes) => ({
    judge: (value, run) => run.all(nodes, (node) => node.judge(value, run)),
    explain: (value, place, report) => {
      for (const node of nodes) node.explain(value, place, report);
    },
  }));

export const anyOf: RuleMaker = (argument, _schema, reader) =>
  ruleOfMany(argument, reader, (nodes) => ({
    judge: (value, run) => run.any(nodes, (node) => node.judge(value, run)),
    explain: (value, place, report) => explainForms(nodes, value, place, report),
  }));

export const oneOf: RuleMaker = (argument, _schema, reader) =>
  ruleOfMany(argument, reader, (nodes) => ({
    judge: (value, run) => {
      const { certain, possible } = countFitting(nodes, value, run);
      if (certain > 1 || possible === 0) return NO;
      return certain === 1 && possible === 1 ? YES : UNKNOWN;
    },
    explain: (value, place, report) => {
      const { certain } = countFitting(nodes, value, report.run);
      if (certain === 0) explainForms(nodes, value, place, report);
      else
        report.add(place, 'fits more than one of the forms that are allowed here, and must fit exactly one');
    },
  }));

export const negation: RuleMaker = (argument, _schema, reader) => {
  const node = reader.read(argument);
  return simpleRule(
    (value, run) => not(node.judge(value, run)),
    () => 'has a form that is not allowed here',
  );
};

export const reference: RuleMaker = (argument, _schema, reader) => {
  const target = typeof argument === 'string' ? reader.refer(argument) : undefined;
  return (
    target && {
      judge: (value, run) => target().judgeOnce(value, run),
      explain: (value, place, report) => {
        const node = target();
        if (!report.begins(node, place) || !report.run.enter()) return;
        node.explain(value, place, report);
        report.run.leave();
      },
      outline: () => target().outline,
    }
  );
};

function ruleOfMany(
  argument: unknown,
  reader: SchemaReader,
  make: (nodes: readonly SchemaNode[]) => Rule,
): Rule | undefined {
  if (!Array.isArray(argument) || argument.length === 0) return undefined;
  return make(argument.map((inner) => reader.read(inner)));
}

/** How many schemas fit for certain, and how many fit or may fit. It stops when two fit. */
function countFitting(nodes: readonly SchemaNode[], value: unknown, run: Run) {
  let [certain, possible] = [0, 0];
  for (const node of nodes) {
    const verdict = run.budget.isSpent ? UNKNOWN : node.judge(value, run);
    if (verdict !== NO) possible++;
    if (verdict === YES && ++certain > 1) break;
  }
  return { certain, possible };
}
