import type { Rule } from '../schema-node.ts';
import { UNKNOWN, type Verdict, verdictOf, YES } from '../verdict.ts';
import { type RuleMaker, simpleRule } from './rule-maker.ts';

/** Beyond this, a quotient of two doubles no longer says whether one is a multiple of the other. */
const MAX_RATIO = 1e6;
/** How far a quotient must be from a whole number, so that no rounding explains it. */
const CLEAR_DISTANCE = 1e-6;

export const minimum: RuleMaker = (argument) => bound(argument, (value, limit) => value >= limit, 'at least');

export const maximum: RuleMaker = (argument) => bound(argument, (value, limit) => value <= limit, 'at most');

export const exclusiveMinimum: RuleMaker = (argument) =>
  bound(argument, (value, limit) => value > limit, 'more than');

export const exclusiveMaximum: RuleMaker = (argument) =>
  bound(argument, (value, limit) => value < limit, 'less than');

/** Libraries divide in different ways. So only a number that is far from a multiple breaks this rule for certain. */
export const multipleOf: RuleMaker = (argument) => {
  if (typeof argument !== 'number') return undefined;
  return numberRule((value) => {
    const ratio = value / argument;
    const distance = Math.abs(ratio - Math.round(ratio));
    if (!(Math.abs(ratio) < MAX_RATIO)) return UNKNOWN;
    if (distance > 0 && distance <= CLEAR_DISTANCE) return UNKNOWN;
    return verdictOf(distance === 0);
  }, `must be a multiple of ${argument}`);
};

function bound(
  argument: unknown,
  keeps: (value: number, limit: number) => boolean,
  words: string,
): Rule | undefined {
  if (typeof argument !== 'number') return undefined;
  return numberRule((value) => verdictOf(keeps(value, argument)), `must be ${words} ${argument}`);
}

function numberRule(judge: (value: number) => Verdict, sentence: string): Rule {
  return simpleRule(
    (value) => (typeof value === 'number' ? judge(value) : YES),
    () => sentence,
  );
}
