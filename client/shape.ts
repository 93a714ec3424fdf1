/**
 * Checks of what the API answers. They are short functions and not zod, because zod is larger than the whole client.
 * test/unit/client/answers.test.ts compares them with the schemas of the API's answers.
 */

/** Whether a value has a shape. Fields that a later version of the API adds are let through. */
export type Shape<T> = (value: unknown) => value is T;

export const text: Shape<string> = (value) => typeof value === 'string';
export const number: Shape<number> = (value) => typeof value === 'number';
export const whole: Shape<number> = (value): value is number => Number.isSafeInteger(value);
export const boolean: Shape<boolean> = (value) => typeof value === 'boolean';
export const anything: Shape<unknown> = (_value): _value is unknown => true;

/** This value and no other. */
export function exactly<const T>(known: T): Shape<T> {
  return (value): value is T => value === known;
}

/** One of a few texts. */
export function oneOf<T extends string>(texts: readonly T[]): Shape<T> {
  return (value): value is T => texts.some((known) => known === value);
}

/**
 * A word of a list that grows with the API, such as the reasons of a refusal. A word that this version does not know is let
 * through, like a field that it does not know.
 */
export function word<T extends string>(): Shape<T> {
  return text as Shape<string> as Shape<T>;
}

/** A field that may be absent. */
export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return (value) => value === undefined || shape(value);
}

/** One of two shapes. */
export function either<A, B>(one: Shape<A>, other: Shape<B>): Shape<A | B> {
  return (value) => one(value) || other(value);
}

/** A list whose items have one shape. */
export function list<T>(item: Shape<T>): Shape<T[]> {
  return (value): value is T[] => Array.isArray(value) && value.every(item);
}

/** An object with any names, whose values have one shape. */
export function record<T>(item: Shape<T>): Shape<Record<string, T>> {
  return (value): value is Record<string, T> => isObject(value) && Object.values(value).every(item);
}

/** An object with these fields. A field that may be absent has a shape made by {@link optional}. */
export function object<T extends object>(fields: { readonly [Name in keyof T]-?: Shape<T[Name]> }): Shape<T> {
  const shapes = Object.entries<Shape<unknown>>(fields);
  return (value): value is T => isObject(value) && shapes.every(([name, shape]) => shape(value[name]));
}

/** Whether a value is an object, and neither null nor a list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
