import {
  DeadLetter,
  DeadLetterDetail,
  DeadLetterPage,
  RedriveReport,
} from '../../../shared/api/answers/dead-letter.ts';
import { DEAD_LETTER_LIMITS } from '../../../shared/api/page-limits.ts';
import { RedriveRequest } from '../../http/requests/list-requests.ts';
import { describe } from './describe.ts';

const DEAD_LETTER = {
  id: "The job's id.",
  operation: 'The operation of the job.',
  reason: 'The error code that ended the job.',
  message:
    'What went wrong, in the words of whatever threw it. Callers without this scope may get a general sentence instead.',
  attempts: 'How many attempts were made.',
  tags: "The job's tags.",
  diedAt: 'When the job became a dead letter.',
  traceId: 'The trace of the job. Empty if its message had none.',
  redriveCount: 'How often the job had been redriven before.',
  links: 'Paths of this API: the dead letter, and its job.',
};

describe('DeadLetter', DeadLetter, {
  description: 'A job that failed for good. It is stored, and can be redriven.',
  fields: DEAD_LETTER,
});

describe('DeadLetterDetail', DeadLetterDetail, {
  description: 'A dead letter with its input and the headers of its message.',
  fields: {
    ...DEAD_LETTER,
    detail:
      'The stack of what was thrown in the last attempt, with its causes. Absent if nothing was thrown.',
    input: "The job's input. Absent if the body of the message is not JSON.",
    body: 'The body of the message in base64, if it is not JSON.',
    headers: 'The headers of the NATS message.',
  },
});

describe('DeadLetterPage', DeadLetterPage, {
  description: 'Dead letters, oldest first.',
  fields: {
    deadLetters: 'The dead letters of this page.',
    cursor: 'Send it to read the next page. Absent on the last page.',
  },
});

describe('RedriveRequest', RedriveRequest, {
  description: 'Says which dead letters to redrive. An empty object means all of them.',
  fields: {
    operation: 'Only dead letters of this operation.',
    reason: 'Only dead letters with this error code.',
    tags: { description: 'Only dead letters that have all of these tags.', uniqueItems: true },
    limit: `The most dead letters to redrive with this request, up to ${DEAD_LETTER_LIMITS.page}.`,
    cursor: {
      description:
        'The cursor of the previous answer. It continues with the dead letters that existed at the first request.',
    },
  },
});

describe('RedriveReport', RedriveReport, {
  description: 'The outcome of redriving many dead letters.',
  fields: {
    redriven: 'The ids of the jobs that are queued again.',
    failed: 'The dead letters that could not be redriven, with the error code of each.',
    stopped:
      'The error code that ended the request early: the next ones would have failed too. They are still dead letters.',
    cursor: 'Send it to continue. Absent when no dead letters are left to look at.',
  },
});
