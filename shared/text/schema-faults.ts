import { jsonPointer } from './json/json-pointer.ts';

/** The part of an error of zod that says what is wrong, and where. */
interface SchemaError {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
}

/** What is wrong with a value, on one line: `/maxAttempts must be at most 100; /name …`. The whole value has the path ``. */
export function schemaFaults({ issues }: SchemaError): string {
  return issues.map(({ path, message }) => `${jsonPointer(path)} ${message}`.trim()).join('; ');
}
