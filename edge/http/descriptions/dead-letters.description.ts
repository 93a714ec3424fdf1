import {
  DEAD_LETTER_LIMITS,
  DeadLetterDetail,
  DeadLetterPage,
  RedriveReport,
} from '../../../shared/api/dead-letter.ts';
import { OperationName } from '../../../shared/api/operation.ts';
import { Job } from '../../../shared/job/job.ts';
import * as examples from '../openapi/examples.ts';
import { BROKER_PROBLEMS } from '../openapi/problems.ts';
import { json, type RouteDescription } from '../openapi/route-description.ts';
import { refOf } from '../openapi/schemas.ts';
import { DeadLetterQuery, RedriveRequest } from '../requests/dead-letter-request.ts';

/** The routes of `dead-letters.ts`. */
export const deadLetterDescriptions: readonly RouteDescription[] = [
  {
    method: 'get',
    path: '/v1/dead-letters',
    operationId: 'listDeadLetters',
    tag: 'Dead letters',
    summary: 'List dead letters',
    scope: 'dead-letters:read',
    query: {
      schema: DeadLetterQuery,
      fields: {
        operation: { description: 'Only those of this operation.', schema: refOf(OperationName) },
        limit: { description: `How many at most, up to ${DEAD_LETTER_LIMITS.page}.` },
        cursor: {
          description: 'Of the answer before: the next page.',
          schema: { type: 'string', pattern: '^[0-9]{1,15}$' },
        },
      },
    },
    answers: {
      200: json('A page of dead letters, oldest first.', DeadLetterPage, {
        page: { deadLetters: [examples.DEAD_LETTER], cursor: '43' },
      }),
    },
    problems: ['request-invalid', ...BROKER_PROBLEMS],
  },
  {
    method: 'post',
    path: '/v1/dead-letters/redrive',
    operationId: 'redriveMany',
    tag: 'Dead letters',
    summary: 'Redrive many dead letters',
    description:
      'At most 100 in one request, and for at most ten seconds; with the `cursor` of the answer, the rest of those that were dead at the first request. What dies meanwhile is not sent again.',
    scope: 'dead-letters:redrive',
    body: {
      schema: RedriveRequest,
      examples: { all: {}, some: { operation: 'text.count', reason: 'operation-failed', limit: 10 } },
    },
    answers: {
      200: json('What became of them.', RedriveReport, {
        all: { redriven: [examples.DEAD_LETTER.id], failed: [] },
      }),
    },
    problems: BROKER_PROBLEMS,
  },
  {
    method: 'get',
    path: '/v1/dead-letters/{id}',
    operationId: 'getDeadLetter',
    tag: 'Dead letters',
    summary: 'Read a dead letter',
    scope: 'dead-letters:read',
    parameters: ['JobId'],
    answers: {
      200: json('The dead letter, with the input and the headers of its job.', DeadLetterDetail, {
        letter: {
          ...examples.DEAD_LETTER,
          input: examples.SUBMISSION.input,
          headers: { 'ce-type': 'dev.throughline.job' },
        },
      }),
    },
    problems: ['dead-letter-unknown', ...BROKER_PROBLEMS],
  },
  {
    method: 'post',
    path: '/v1/dead-letters/{id}/redrive',
    operationId: 'redriveDeadLetter',
    tag: 'Dead letters',
    summary: 'Redrive a dead letter',
    description:
      'The job is queued again with all its attempts, under its old id, in a new trace that is linked to the old one.',
    scope: 'dead-letters:redrive',
    parameters: ['JobId'],
    answers: { 202: json('The job, queued again.', Job, { queued: examples.REDRIVEN_JOB }, ['Location']) },
    problems: ['dead-letter-unknown', 'not-dead', 'stream-full', ...BROKER_PROBLEMS],
  },
];
