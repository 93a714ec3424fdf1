import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { ANSWERS, isHistoryEvent } from '../../../client/answers.ts';
import { BatchReport } from '../../../shared/api/answers/batch-report.ts';
import { CancelReport } from '../../../shared/api/answers/cancel-report.ts';
import { DeadLetterDetail, DeadLetterPage, RedriveReport } from '../../../shared/api/answers/dead-letter.ts';
import { HistoryEvent } from '../../../shared/api/answers/job-history.ts';
import { JobPage } from '../../../shared/api/answers/job-list.ts';
import { OperationList } from '../../../shared/api/answers/operation-list.ts';
import { OutboxItem, OutboxList } from '../../../shared/api/answers/outbox.ts';
import { Schedule, SchedulePage } from '../../../shared/api/answers/schedule.ts';
import { UsageReport } from '../../../shared/api/usage.ts';
import { Job } from '../../../shared/job/job.ts';

/** What the API answers by, and how the client checks it. */
const PAIRS: Readonly<Record<string, [schema: z.ZodType, shape: (value: unknown) => boolean]>> = {
  job: [Job, ANSWERS.job.shape],
  jobs: [JobPage, ANSWERS.jobs.shape],
  batch: [BatchReport, ANSWERS.batch.shape],
  cancels: [CancelReport, ANSWERS.cancels.shape],
  deadLetter: [DeadLetterDetail, ANSWERS.deadLetter.shape],
  deadLetters: [DeadLetterPage, ANSWERS.deadLetters.shape],
  redrives: [RedriveReport, ANSWERS.redrives.shape],
  outbox: [OutboxList, ANSWERS.outbox.shape],
  outboxItem: [OutboxItem, ANSWERS.outboxItem.shape],
  usage: [UsageReport, ANSWERS.usage.shape],
  schedule: [Schedule, ANSWERS.schedule.shape],
  schedules: [SchedulePage, ANSWERS.schedules.shape],
  operations: [OperationList, ANSWERS.operations.shape],
  event: [HistoryEvent, isHistoryEvent],
};

/** Values that stand in for a part of an answer. The client takes a text in any format, and a number of any size. */
const STRANGERS: readonly unknown[] = [null, true, 0.5, [], {}, [null], { a: null }, undefined];

/** Without it, a schema that is described in the OpenAPI document would be a `$ref`. */
const NO_NAMES = z.registry<{ id?: string | undefined }>();

describe('the client checks answers as the schemas of the API do', () => {
  it('for every answer', () => {
    expect(Object.keys(PAIRS)).toEqual([...Object.keys(ANSWERS), 'event']);
  });

  it.each(Object.entries(PAIRS))('%s', (_, [schema, shape]) => {
    const samples = samplesOf(
      z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any', metadata: NO_NAMES }),
    );
    expect(samples.length).toBeGreaterThan(0);
    for (const sample of samples) {
      expect(schema.safeParse(sample).error, JSON.stringify(sample)).toBeUndefined();
      expect(shape(sample), JSON.stringify(sample)).toBe(true);
      expect(shape({ ...(sample as object), ofALaterVersion: 1 })).toBe(true);
      for (const changed of changesOf(sample)) {
        const taken = schema.safeParse(changed).success;
        expect(shape(changed), `${JSON.stringify(changed)} instead of ${JSON.stringify(sample)}`).toBe(taken);
      }
    }
  });
});

it('the client accepts the words of a later version where they change nothing for it', () => {
  const { problem } = BatchReport.parse({
    results: [
      { status: 429, problem: { type: 't', title: 't', status: 429, code: 'rate-limited', detail: 'd' } },
    ],
  }).results[0] as { problem: object };
  const later = { ...problem, code: 'of-a-later-version', quota: 'later' };
  expect(ANSWERS.batch.shape({ results: [{ status: 429, problem: later }] })).toBe(true);
  expect(ANSWERS.batch.shape({ results: [{ status: 429, problem: { ...later, state: 'later' } }] })).toBe(
    false,
  );
});

/** A JSON Schema, as far as zod writes one for an answer. */
interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly const?: unknown;
  readonly format?: string;
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
}

/** Values with each field, one for every branch of the schema. */
function samplesOf(schema: unknown): unknown[] {
  const { type, const: only, enum: texts, anyOf, properties, items, format } = schema as JsonSchema;
  if (only !== undefined) return [only];
  if (anyOf !== undefined) return anyOf.flatMap(samplesOf);
  if (texts !== undefined) return [texts[0]];
  if (items !== undefined) return samplesOf(items).map((item) => [item]);
  if (properties !== undefined) {
    const fields = Object.entries(properties).map(([name, field]) => [name, samplesOf(field)] as const);
    const count = Math.max(...fields.map(([, values]) => values.length));
    return Array.from({ length: count }, (_, index) =>
      Object.fromEntries(fields.map(([name, values]) => [name, values[index % values.length]])),
    );
  }
  if (type === 'string') return [format === 'date-time' ? '2026-01-02T03:04:05Z' : 'a.b'];
  if (type === 'integer' || type === 'number') return [1];
  if (type === 'boolean') return [true];
  return [{ any: 'value' }];
}

/** The value with each of its parts left out, and with each replaced by something else. */
function changesOf(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return STRANGERS.filter((other) => other !== undefined);
  return Object.entries(value).flatMap(([name, part]) => [
    ...[...STRANGERS, ...changesOf(part)].map((other) => replaced(value, name, other)),
    Array.isArray(value) ? [] : Object.fromEntries(Object.entries(value).filter(([other]) => other !== name)),
  ]);
}

function replaced(value: object, name: string, part: unknown): unknown {
  return Array.isArray(value) ? value.with(Number(name), part) : { ...value, [name]: part };
}
