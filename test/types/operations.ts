import type { StandardSchemaV1 } from '@standard-schema/spec';
import * as z from 'zod';
import { defineOperation, done, type Outcome, reject, retry, retryAfter } from '../../worker-node/index.ts';

/** A schema with a default: its callers may leave the field out, and its code always has it. */
export const greet = defineOperation({
  name: 'greet',
  input: z.object({ name: z.string(), times: z.int().default(1) }),
  run: ({ input }) => ({ greeting: 'hello '.repeat(input.times) + input.name }),
});

/** Its output schema changes what `run` returns. */
export const count = defineOperation({
  name: 'text.count',
  input: z.object({ text: z.string() }),
  output: z.object({ words: z.string().transform(Number), at: z.date() }),
  run: async ({ input }) => ({ words: String(input.text.length), at: new Date() }),
});

/** A schema as another library makes it, with no class of zod in it. */
declare const size: StandardSchemaV1<{ readonly px: number }, { readonly px: number; readonly em: number }>;

export const resize = defineOperation({
  name: 'image.resize',
  input: size,
  run: async ({ input: { em } }) => {
    if (em > 1) return retryAfter(1_000, 'later');
    if (em < 0) return reject('never');
    if (em === 0) return retry('again');
    return done({ em, of: new Map<string, number>().size, at: new Date(), left: em > 3 ? em : undefined });
  },
});

/** Nothing is known about what it takes. */
export const echo = defineOperation({ name: 'echo', input: z.unknown(), run: ({ input }) => input });
export const silent = defineOperation({ name: 'silent', input: z.null(), run: () => undefined });
/** Its author says only that it is an outcome. */
export const vague = defineOperation({
  name: 'vague',
  input: z.null(),
  run: (): Outcome => done({ a: 1 }),
});

defineOperation({
  name: 'wrong',
  input: z.null(),
  output: z.object({ a: z.string() }),
  // @ts-expect-error The output schema does not accept what `run` returns.
  run: () => ({ a: 1 }),
});
// @ts-expect-error The input has no such field.
defineOperation({ name: 'wrong', input: z.object({ a: z.string() }), run: ({ input }) => input.b });
