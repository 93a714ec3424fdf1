import type { Patterns } from '../pattern/patterns.ts';
import type { Run } from '../run.ts';
import type { Rule, SchemaNode } from '../schema-node.ts';

/** A JSON Schema that is an object. */
export type SchemaObject = Readonly<Record<string, unknown>>;

/** Reads the schemas inside a schema, for the rules of its keywords. */
export interface SchemaReader {
  readonly patterns: Patterns;
  /** The node of a schema inside this one. */
  read(schema: unknown): SchemaNode;
  /** A function that gives the target of a `$ref`, which may not be read yet. Undefined if the target is not in this document. */
  refer(reference: string): (() => SchemaNode) | undefined;
}

/**
 * Makes the rule of a keyword.
 * @param argument what the keyword holds
 * @param schema the schema that the keyword stands in
 * @returns undefined if the argument is not one that the keyword can have
 */
export type RuleMaker = (argument: unknown, schema: SchemaObject, reader: SchemaReader) => Rule | undefined;

/** A rule whose only fault is one sentence. */
export function simpleRule(judge: Rule['judge'], sentence: (value: unknown) => string): Rule {
  return { judge, explain: (value, place, report) => report.add(place, sentence(value)) };
}

/** Whether a value is an object in JSON: not null, and not a list. */
export function isObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value can be a limit of a number of things. */
export function isCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0;
}

/** The names of the fields. Listing them costs a step for each. */
export function keysOf(value: SchemaObject, run: Run): readonly string[] {
  const keys = Object.keys(value);
  run.budget.spend(keys.length);
  return keys;
}
