import type { Rule } from '../schema-node.ts';
import { verdictOf } from '../verdict.ts';
import { isObject, type RuleMaker, simpleRule } from './rule-maker.ts';
import { mustBeOneOf, mustBeType } from './sentences.ts';

const IS_TYPE: Readonly<Record<string, (value: unknown) => boolean>> = {
  null: (value) => value === null,
  boolean: (value) => typeof value === 'boolean',
  number: (value) => typeof value === 'number',
  integer: Number.isInteger,
  string: (value) => typeof value === 'string',
  array: Array.isArray,
  object: isObject,
};

/** Whether a value has one of these types. @param types their names in JSON Schema */
export function hasType(value: unknown, types: readonly string[]): boolean {
  return types.some((type) => IS_TYPE[type]?.(value));
}

export const type: RuleMaker = (argument) => {
  const types: readonly unknown[] = Array.isArray(argument) ? argument : [argument];
  if (!types.every((name) => isTypeName(name))) return undefined;
  return {
    ...simpleRule(
      (value) => verdictOf(hasType(value, types)),
      (value) => mustBeType(types, value),
    ),
    outline: () => ({ types }),
  };
};

export const constant: RuleMaker = (argument) => ruleOfValues([argument]);

export const enumeration: RuleMaker = (argument) =>
  Array.isArray(argument) ? ruleOfValues(argument) : undefined;

function ruleOfValues(values: readonly unknown[]): Rule {
  const simple = new Set(values.filter((value) => !isContainer(value)));
  const containers = values.filter(isContainer);
  return {
    ...simpleRule(
      (value, run) => {
        if (!isContainer(value)) return verdictOf(simple.has(value));
        return run.any(containers, (allowed) => verdictOf(run.idOf(allowed) === run.idOf(value)));
      },
      () => mustBeOneOf(values),
    ),
    outline: () => ({ values }),
  };
}

function isTypeName(name: unknown): name is string {
  return typeof name === 'string' && Object.hasOwn(IS_TYPE, name);
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
