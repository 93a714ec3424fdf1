import type { Place, Report } from '../report.ts';
import type { SchemaNode } from '../schema-node.ts';
import { NO } from '../verdict.ts';
import { isObject, type SchemaObject } from './rule-maker.ts';
import { mustBeOneOf, mustBeType } from './sentences.ts';
import { hasType } from './value.ts';

type Forms = readonly SchemaNode[];

/**
 * Says what is wrong with a value that fits none of several forms. If it is clear which form was meant, only the faults by that
 * form are reported: the faults by all forms would help nobody.
 */
export function explainForms(forms: Forms, value: unknown, place: Place, report: Report): void {
  const fitting = forms.filter(({ outline: { types } }) => types === undefined || hasType(value, types));
  const meant = fitting.filter(
    (form) => form.outline.values === undefined && hasItsTags(form, value, report),
  );
  const [form] = meant;
  if (form !== undefined && meant.length === 1) {
    form.explain(value, place, report);
    return;
  }
  const tag = isObject(value) ? wrongTag(fitting, value, report) : undefined;
  if (tag === undefined) report.add(place, sentenceFor(forms, fitting, value));
  else report.add([...place, tag.name], tag.sentence);
}

function sentenceFor(forms: Forms, fitting: Forms, value: unknown): string {
  const values = forms.map(({ outline }) => outline.values);
  if (values.every((some) => some !== undefined)) return mustBeOneOf(values.flat());
  if (fitting.length > 0) return `fits none of the ${forms.length} forms that are allowed here`;
  return mustBeType(
    forms.flatMap(({ outline }) => outline.types ?? []),
    value,
  );
}

/** The tag that all forms have, if the value of it fits none of them. */
function wrongTag(forms: Forms, value: SchemaObject, report: Report) {
  const all = forms.map(({ outline }) => outline.tags);
  const name = [...(all[0]?.keys() ?? [])].find((one) => all.every((tags) => tags?.has(one)));
  if (name === undefined) return undefined;
  if (!Object.hasOwn(value, name)) return { name, sentence: 'is missing' };
  const nodes = all.flatMap((tags) => tags?.get(name) ?? []);
  if (nodes.some((node) => node.judge(value[name], report.run) !== NO)) return undefined;
  return { name, sentence: mustBeOneOf(nodes.flatMap(({ outline }) => outline.values ?? [])) };
}

/** Whether the tags of a form, as far as the value has them, are those of the form. */
function hasItsTags({ outline }: SchemaNode, value: unknown, { run }: Report): boolean {
  if (!isObject(value)) return true;
  return [...(outline.tags ?? [])].every(
    ([name, node]) => !Object.hasOwn(value, name) || node.judge(value[name], run) !== NO,
  );
}
