import * as z from 'zod';
import type { ListedOperation } from '../../shared/api/answers/operation-list.ts';

const Node = z.object({
  name: z.string(),
  get children() {
    return z.array(Node);
  },
});

/** Operations whose schemas use all that JSON Schema says about types. */
export const SCHEMAS = {
  'mail.send': {
    input: z.strictObject({
      to: z.array(z.email()).min(1).describe('Who gets it. */ ends no comment'),
      'reply-to': z.string().optional(),
      priority: z.enum(['low', 'high']).default('low'),
      parts: z.union([z.object({ text: z.string() }), z.object({ html: z.string(), size: z.int() })]),
      headers: z.record(z.string(), z.string().nullable()).optional(),
    }),
    output: z.object({ id: z.string(), took: z.tuple([z.number(), z.literal('ms')]) }).nullable(),
  },
  'tree.count': { input: Node, output: z.number() },
  'type.all': {
    input: z.intersection(
      z.object({ a: z.literal([1, 'b', null]) }),
      z.object({ b: z.unknown().optional() }),
    ),
    output: z.union([z.boolean(), z.array(z.union([z.string(), z.number()]))]),
  },
  anything: { input: z.unknown(), output: undefined },
} as const;

/** As `GET /v1/operations` lists them. */
export function announced(): ListedOperation[] {
  return Object.entries(SCHEMAS).map(([name, { input, output }]) => ({
    name,
    description: `Does ${name}.`,
    inputSchema: z.toJSONSchema(input, { io: 'input' }),
    ...(output === undefined ? {} : { outputSchema: z.toJSONSchema(output, { io: 'output' }) }),
    timeoutMs: 1_000,
    maxAttempts: 3,
    edgeChecks: 'whole',
  }));
}
