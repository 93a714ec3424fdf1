import * as z from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { DeadLetterDetail, DeadLetterPage, RedriveReport } from '../../../shared/api/answers/dead-letter.ts';
import { OperationName } from '../../../shared/api/operation.ts';
import { DEAD_LETTER_LIMITS } from '../../../shared/api/page-limits.ts';
import { Job } from '../../../shared/job/job.ts';
import { SEALED } from '../../calls/place-seal.ts';
import { type DeadLetterQuery, RedriveRequest } from '../../http/requests/list-requests.ts';
import * as examples from '../examples.ts';
import { BROKER_PROBLEMS, json, jsonBody, operation, type QueryFields } from '../operation.ts';
import { JobId, TagFilter } from '../parameters.ts';

const LIST_FIELDS: QueryFields<typeof DeadLetterQuery> = {
  operation: OperationName.optional().meta({ description: 'Only dead letters of this operation.' }),
  tag: TagFilter,
  limit: z
    .int()
    .min(1)
    .max(DEAD_LETTER_LIMITS.page)
    .default(DEAD_LETTER_LIMITS.defaultPage)
    .meta({ description: 'The most dead letters to return.' }),
  cursor: z.string().regex(SEALED).optional().meta({ description: 'The cursor of the previous page.' }),
};

export const deadLetterPaths = {
  '/v1/dead-letters': {
    get: operation({
      operationId: 'listDeadLetters',
      tag: 'Dead letters',
      summary: 'List dead letters',
      scope: 'dead-letters:read',
      requestParams: { query: z.object(LIST_FIELDS) },
      answers: {
        200: json('A page of dead letters, oldest first.', DeadLetterPage, {
          page: { deadLetters: [examples.DEAD_LETTER], cursor: examples.SEALED },
        }),
      },
      problems: ['cursor-unknown', ...BROKER_PROBLEMS],
    }),
  },
  '/v1/dead-letters/redrive': {
    post: operation({
      operationId: 'redriveMany',
      tag: 'Dead letters',
      summary: 'Redrive many dead letters',
      description: `One request redrives at most ${DEAD_LETTER_LIMITS.page} dead letters and takes at most ten seconds. It ends early when a quota of jobs is used up, the queue is full or NATS is lost: see \`stopped\`. Send the \`cursor\` of the answer to continue with the first dead letter that is left. Some after that one may be in \`redriven\` already. Jobs that became dead letters after the first request are left out.`,
      scope: 'dead-letters:redrive',
      requestBody: jsonBody(RedriveRequest, {
        all: {},
        some: { operation: 'text.count', reason: 'operation-failed', limit: 10 },
      }),
      answers: {
        200: json('What happened to each dead letter.', RedriveReport, {
          all: { redriven: [examples.DEAD_LETTER.id], failed: [] },
        }),
      },
      problems: ['cursor-unknown', 'quota-exceeded', ...BROKER_PROBLEMS, 'stream-full'],
    }),
  },
  '/v1/dead-letters/{id}': {
    get: operation({
      operationId: 'getDeadLetter',
      tag: 'Dead letters',
      summary: 'Read a dead letter',
      scope: 'dead-letters:read',
      parameters: [JobId],
      answers: {
        200: json('The dead letter, with the input and the headers of its job.', DeadLetterDetail, {
          deadLetter: {
            ...examples.DEAD_LETTER,
            input: examples.SUBMISSION.input,
            headers: { 'ce-type': 'dev.throughline.job' },
          },
        }),
      },
      problems: ['dead-letter-unknown', ...BROKER_PROBLEMS],
    }),
  },
  '/v1/dead-letters/{id}/redrive': {
    post: operation({
      operationId: 'redriveDeadLetter',
      tag: 'Dead letters',
      summary: 'Redrive a dead letter',
      description:
        'The job is queued again. It keeps its id, gets all its attempts back, and has a new trace that is linked to the old one.',
      scope: 'dead-letters:redrive',
      parameters: [JobId],
      answers: { 202: json('The job, queued again.', Job, { queued: examples.REDRIVEN_JOB }, ['Location']) },
      problems: [
        'dead-letter-unknown',
        'not-dead',
        'quota-exceeded',
        'payload-too-large',
        'record-unreadable',
        ...BROKER_PROBLEMS,
        'stream-full',
      ],
    }),
  },
} satisfies ZodOpenApiPathsObject;
