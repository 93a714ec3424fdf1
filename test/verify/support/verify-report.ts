import * as z from 'zod';

/** The document that `throughline verify --json` prints, as docs/VERIFY.md describes it. */
export const VerifyReport = z.strictObject({
  ok: z.boolean(),
  at: z.iso.datetime(),
  store: z.string(),
  canaries: z.array(
    z.strictObject({
      canary: z.string(),
      outcome: z.enum(['whole', 'broken', 'skipped']),
      traceId: z.string().optional(),
      jobIds: z.array(z.string()).optional(),
      reason: z.string().optional(),
      faults: z.array(z.strictObject({ hop: z.string(), found: z.string(), cause: z.string() })),
      notes: z.array(z.string()),
    }),
  ),
  error: z.strictObject({ code: z.string(), message: z.string() }).optional(),
  orphans: z
    .array(
      z.strictObject({
        traceId: z.string(),
        spanId: z.string(),
        parentSpanId: z.string(),
        name: z.string(),
        service: z.string(),
        startedAt: z.iso.datetime(),
      }),
    )
    .optional(),
});
export type VerifyReport = z.infer<typeof VerifyReport>;
