import * as z from 'zod';
import { readAttributes } from '../../../shared/trace/otlp/value.ts';

const Attributes = z.unknown().transform(readAttributes);

/** `ExportLogsServiceRequest` of opentelemetry-proto, in its JSON form: 64-bit numbers are text. */
const Export = z.object({
  resourceLogs: z
    .array(
      z.object({
        resource: z.object({ attributes: Attributes }),
        schemaUrl: z.string().optional(),
        scopeLogs: z.array(
          z.object({
            scope: z.object({ name: z.string(), version: z.string() }),
            logRecords: z.array(
              z.object({
                timeUnixNano: z.string().regex(/^[0-9]+$/),
                observedTimeUnixNano: z.string().regex(/^[0-9]+$/),
                severityNumber: z.int(),
                severityText: z.string(),
                body: z.object({ stringValue: z.string() }),
                attributes: Attributes,
                droppedAttributesCount: z.int(),
                flags: z.int().optional(),
                traceId: z
                  .string()
                  .regex(/^[0-9a-f]{32}$/)
                  .optional(),
                spanId: z
                  .string()
                  .regex(/^[0-9a-f]{16}$/)
                  .optional(),
              }),
            ),
          }),
        ),
      }),
    )
    .default([]),
});

/** A log record as it was sent, with its resource and its scope. */
export type SentLog = ReturnType<typeof readLogExport>[number];

/** The log records of an export; none if it holds another signal. @throws ZodError if it is no OTLP */
export function readLogExport(sent: unknown) {
  return Export.parse(sent).resourceLogs.flatMap(({ resource, scopeLogs }) =>
    scopeLogs.flatMap(({ scope, logRecords }) =>
      logRecords.map(({ body, ...record }) => ({
        ...record,
        body: body.stringValue,
        scope,
        resource: resource.attributes,
      })),
    ),
  );
}
