import { Unreadiness } from '../../../shared/api/health.ts';
import { Problem } from '../../../shared/api/problem.ts';
import { MEANINGS } from '../problems.ts';
import { describe, type Words } from './describe.ts';

const PROBLEM: Words['fields'] = {
  type: { description: 'A URN with the code.', pattern: '^urn:throughline:problem:' },
  title: 'The same for every occurrence of the code.',
  status: 'The HTTP status.',
  code: { description: 'Stable, for programs.', enum: Object.keys(MEANINGS) },
  detail: 'What went wrong this time, for people.',
  traceId: 'Quote it when you ask for help.',
  state: 'With `job-finished`: how the job ended.',
  violations: 'Where and how a value is wrong; `path` is a JSON Pointer into what was sent.',
  suggestions: 'Names that are near one that is not known.',
};

describe('Problem', Problem, { description: 'An error (RFC 9457).', fields: PROBLEM });

describe('Unreadiness', Unreadiness, {
  description: 'NATS does not answer a bridge.',
  fields: { ...PROBLEM, bridges: 'Each of them; absent where one does not answer itself.' },
});
