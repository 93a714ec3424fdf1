import type { Run } from '../run.ts';
import type { Rule, SchemaNode } from '../schema-node.ts';

/** A JSON Schema that is an object. */
export type SchemaObject = Readonly<Record<string, unknown>>;

/** What the keywords need to read the schemas inside their schema. */
export interface SchemaReader {
  /** The node of a schema inside this one. */
  read(schema: unknown): SchemaNode;
  /** What a `$ref` points at: a function, since it may point at a schema that is not read yet. Undefined if it points nowhere here. */
  refer(reference: string): (() => SchemaNode) | undefined;
}

/**
 * Makes the rule of a keyword.
 * @param argument what the keyword holds
 * @param schema the schema that the keyword stands in
 * @returns undefined if the argument is not one that the keyword can have
 */
export type RuleMaker = (argument: unknown, schema: SchemaObject, reader: SchemaReader) => Rule | undefined;

/** A rule that needs no report but its own sentence. */
export function simpleRule(judge: Rule['judge'], sentence: (value: unknown) => string): Rule {
  return { judge, explain: (value, place, report) => report.add(place, sentence(value)) };
}

export function isObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A limit of a number of things. */
export function isCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0;
}

export function keysOf(value: SchemaObject, run: Run): readonly string[] {
  const keys = Object.keys(value);
  run.budget.spend(keys.length);
  return keys;
}
