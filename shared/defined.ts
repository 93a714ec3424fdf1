/** The type of a record without its undefined fields. A field that may be undefined becomes optional. */
type Defined<T> = {
  [Field in keyof T as undefined extends T[Field] ? never : Field]: T[Field];
} & {
  [Field in keyof T as undefined extends T[Field] ? Field : never]?: Exclude<T[Field], undefined>;
};

/**
 * Returns a copy of `record` without the fields that are undefined. The names of the fields must not come from outside: a name
 * such as `__proto__` would change the copy itself.
 */
export function defined<T extends object>(record: T): Defined<T> {
  const kept: Record<string, unknown> = {};
  // This runs for each event of a job. A loop makes no list of the fields.
  for (const field in record) {
    const value: unknown = record[field];
    if (value !== undefined) kept[field] = value;
  }
  return kept as Defined<T>;
}
