/**
 * Stands for the part of zod that parses values with reference cycles. wrangler.toml puts this module in its place: what the Worker parses
 * was JSON, which has none, and the bundle is 1 KiB smaller.
 */
export const memoizer = (): undefined => undefined;
export const isBackEdge = (): boolean => false;
export const isRecursiveSchema = (): boolean => false;
export class $ZodCyclicError extends Error {}
