import { ListedOperation, OperationList } from '../../../shared/api/answers/operation-list.ts';
import { ConcurrencyLimit, OperationName, RateLimit } from '../../../shared/api/operation.ts';
import { Pause } from '../../../shared/api/pause.ts';
import { OPERATION, OPERATION_MAX_LENGTH } from '../../../shared/job/job-address.ts';
import { describe } from './describe.ts';

// Not `OperationName`: ogen has a type of that name in each client that it makes.
describe('JobOperation', OperationName, {
  description: 'The name of an operation: lowercase words with dots between them.',
  more: { pattern: OPERATION.source, maxLength: OPERATION_MAX_LENGTH, examples: ['http.request'] },
});

const KEY =
  'Jobs with the same value of the key share the limit, within their tenant: `tenant` for all of its jobs, or a JSON Pointer (RFC 6901) into the input.';

describe('ConcurrencyLimit', ConcurrencyLimit, {
  description: 'How many jobs with one value of a key may run at the same time. Others wait.',
  fields: { key: KEY, limit: 'How many may run at the same time.' },
});

describe('RateLimit', RateLimit, {
  description: 'How many jobs with one value of a key may start within any period. Others wait.',
  fields: { key: KEY, limit: 'How many may start.', periodMs: 'The period, in milliseconds.' },
});

describe('Pause', Pause, {
  description: 'Who paused an operation.',
  fields: { by: 'Who paused it.', since: 'Since when.', reason: 'Why.' },
});

describe('Operation', ListedOperation, {
  description: 'An operation that a worker has announced, with its schemas and limits.',
  fields: {
    name: 'The name to send as `operation` of a job.',
    inputSchema:
      'JSON Schema (2020-12) of the input, for people and tools. `true` means that any input is valid.',
    edgeChecks:
      'What is checked before the job is accepted. `whole`: all that the operation refuses. `parts`: what it refuses for certain. `nothing`: all is left to the worker, and a job whose input does not fit fails.',
    outputSchema: 'JSON Schema (2020-12) of the result.',
    timeoutMs: 'The most milliseconds that one attempt may take.',
    maxAttempts: 'The most attempts that a job may have.',
    concurrency: 'How many of its jobs may run at the same time.',
    rateLimit: 'How many of its jobs may start within a period.',
    description: 'What the operation does.',
    hosts:
      'How many worker hosts can run it now. 0: a job waits until one can. Absent while that is not known.',
    since: 'When the first of these hosts started.',
    paused:
      'An operator paused it: hosts start none of its jobs, which wait, until it is resumed. Absent if it is not paused.',
  },
});

describe('OperationList', OperationList, {
  description: 'The operations that workers have announced.',
  fields: { operations: 'The operations, sorted by name.' },
});
