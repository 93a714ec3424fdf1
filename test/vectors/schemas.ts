/** A JSON Schema (2020-12) of each payload, made of the schemas that the code reads with. */
import * as z from 'zod';
import { HostAnnouncement } from '../../shared/api/host-announcement.ts';
import { OperationAnnouncement } from '../../shared/api/operation.ts';
import { PauseRecord } from '../../shared/api/pause.ts';
import { CallbackEvent } from '../../shared/job/callback-event.ts';
import { JobEvent } from '../../shared/job/event.ts';
import { OPERATION, OPERATION_MAX_LENGTH } from '../../shared/job/job-address.ts';
import { LimitEntry } from '../../shared/wire/limit-entry.ts';

/** The payloads that are JSON with a shape, by name. The body of a job message is any JSON, and that of a cancel notice is empty. */
const PAYLOADS = {
  event: { title: 'The body of an event', schema: JobEvent },
  'callback-event': { title: 'The body of an event of a callback', schema: CallbackEvent },
  operation: { title: 'A value of the bucket OPERATIONS', schema: OperationAnnouncement },
  host: { title: 'A value of the bucket HOSTS', schema: HostAnnouncement },
  pause: { title: 'The value of a key _paused.… of the bucket OPERATIONS', schema: PauseRecord },
  'limit-entry': { title: 'A value of the bucket LIMITS', schema: LimitEntry },
} as const;

export type PayloadName = keyof typeof PAYLOADS;

/** The schema of a payload. */
export function schemaOf(name: PayloadName): Record<string, unknown> {
  const { title, schema } = PAYLOADS[name];
  const json = z.toJSONSchema(schema, {
    io: 'input',
    // Other files may have given parts of the schema a name. These schemas have no parts with names.
    metadata: z.registry<{ id?: string }>(),
    override: ({ zodSchema, jsonSchema }) => {
      // zod cannot write down the check of an operation's name.
      if (zodSchema === OperationAnnouncement.shape.name)
        Object.assign(jsonSchema, { pattern: OPERATION.source, maxLength: OPERATION_MAX_LENGTH });
    },
  });
  const { $schema, ...rest } = json;
  return { $schema, title, ...rest };
}

/** The files under `test/vectors/schemas`. */
export function protocolSchemas(): Readonly<Record<string, unknown>> {
  const names = Object.keys(PAYLOADS) as PayloadName[];
  return Object.fromEntries(names.map((name) => [`schemas/${name}.json`, schemaOf(name)]));
}
