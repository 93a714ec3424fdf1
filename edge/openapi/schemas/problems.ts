import { Unreadiness } from '../../../shared/api/health.ts';
import { Problem } from '../../../shared/api/problem.ts';
import { MEANINGS } from '../problems.ts';
import { describe, type Words } from './describe.ts';

const PROBLEM: Words['fields'] = {
  type: { description: 'A URN that ends with the code.', pattern: '^urn:throughline:problem:' },
  title: 'A summary of the code. It is always the same for the same code.',
  status: 'The HTTP status.',
  code: {
    description: 'The error code. Programs can rely on it: it does not change.',
    enum: Object.keys(MEANINGS),
  },
  detail: 'What went wrong this time.',
  traceId: 'The trace of the request. Quote it when you ask for help.',
  state: 'For `job-finished`: the state in which the job ended.',
  violations: 'Each value that is wrong. `path` is a JSON Pointer into the request.',
  suggestions: 'Known names that are similar to an unknown one.',
};

describe('Problem', Problem, { description: 'An error, as a problem document (RFC 9457).', fields: PROBLEM });

describe('Unreadiness', Unreadiness, {
  description: 'NATS does not answer one of the bridges.',
  fields: { ...PROBLEM, bridges: 'The state of each bridge. Absent where a bridge itself does not answer.' },
});
