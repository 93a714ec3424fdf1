/** What a caller may do. One closed list for API keys, tokens, routes and the command line. */
export const ACCESS_SCOPES = [
  'jobs:write',
  'jobs:read',
  'jobs:cancel',
  'dead-letters:read',
  'dead-letters:redrive',
] as const;

export type AccessScope = (typeof ACCESS_SCOPES)[number];

/** Whether `value` is one of {@link ACCESS_SCOPES}. */
export function isAccessScope(value: unknown): value is AccessScope {
  return (ACCESS_SCOPES as readonly unknown[]).includes(value);
}
