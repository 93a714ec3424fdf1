/** The type of a record without its undefined fields. A field that may be undefined becomes optional. */
type Defined<T> = {
  [Field in keyof T as undefined extends T[Field] ? never : Field]: T[Field];
} & {
  [Field in keyof T as undefined extends T[Field] ? Field : never]?: Exclude<T[Field], undefined>;
};

/** Returns a copy of `record` without the fields that are undefined. The names of the fields are ours. */
export function defined<T extends object>(record: T): Defined<T> {
  const kept: Record<string, unknown> = {};
  // Each event of a job comes by here, so no list of its fields is made.
  for (const field in record) {
    const value: unknown = record[field];
    if (value !== undefined) kept[field] = value;
  }
  return kept as Defined<T>;
}
