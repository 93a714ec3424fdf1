import { ListedOperation, OperationList, OperationName } from '../../../shared/api/operation.ts';
import { OPERATION, OPERATION_MAX_LENGTH } from '../../../shared/job/job-address.ts';
import { describe } from './describe.ts';

// Not `OperationName`: ogen has a type of that name in each client that it makes.
describe('JobOperation', OperationName, {
  description: 'The name of an operation: lowercase words with dots between them.',
  more: { pattern: OPERATION.source, maxLength: OPERATION_MAX_LENGTH, examples: ['http.request'] },
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
    description: 'What the operation does.',
    hosts:
      'How many worker hosts can run it now. 0: a job waits until one can. Absent while that is not known.',
    since: 'When the first of these hosts started.',
  },
});

describe('OperationList', OperationList, {
  description: 'The operations that workers have announced.',
  fields: { operations: 'The operations, sorted by name.' },
});
