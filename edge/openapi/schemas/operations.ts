import { OperationAnnouncement, OperationList, OperationName } from '../../../shared/api/operation.ts';
import { OPERATION, OPERATION_MAX_LENGTH } from '../../../shared/wire/subjects.ts';
import { describe } from './describe.ts';

describe('OperationName', OperationName, {
  description: 'What to run: dotted lowercase words.',
  more: { pattern: OPERATION.source, maxLength: OPERATION_MAX_LENGTH, examples: ['http.request'] },
});

describe('OperationAnnouncement', OperationAnnouncement, {
  description: 'What a worker announces: what can be run, with which input, within which limits.',
  fields: {
    name: 'Goes into `operation`.',
    inputSchema: 'JSON Schema (2020-12) of the input; `true` takes anything.',
    outputSchema: 'JSON Schema (2020-12) of the result.',
    timeoutMs: 'Milliseconds that one attempt may take.',
    maxAttempts: 'How often a job is tried.',
    description: 'For people.',
  },
});

describe('OperationList', OperationList, {
  description: 'What can be run.',
  fields: { operations: 'By name.' },
});
