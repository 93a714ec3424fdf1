import {
  DEAD_LETTER_LIMITS,
  DeadLetter,
  DeadLetterDetail,
  DeadLetterPage,
  RedriveReport,
} from '../../../shared/api/dead-letter.ts';
import { REDRIVE_CURSOR } from '../../calls/redrive-cursor.ts';
import { RedriveRequest } from '../../http/requests/list-requests.ts';
import { describe } from './describe.ts';

const LETTER = {
  id: "The job's id.",
  operation: 'What it ran.',
  reason: 'The code of the error that ended it.',
  attempts: 'How often it was tried.',
  diedAt: 'When it died.',
  traceId: 'The trace it died in; empty where its message had none.',
  redriveCount: 'How often the job was redriven before.',
  links: 'Addresses, relative to the origin.',
};

describe('DeadLetter', DeadLetter, {
  description: 'A job whose attempts are spent.',
  fields: LETTER,
});

describe('DeadLetterDetail', DeadLetterDetail, {
  description: 'A dead letter with all that it holds.',
  fields: {
    ...LETTER,
    input: "The job's input; absent where the body is no JSON.",
    body: 'The body in base64, where it is no JSON.',
    headers: 'The headers of its NATS message.',
  },
});

describe('DeadLetterPage', DeadLetterPage, {
  description: 'Dead letters, oldest first.',
  fields: {
    deadLetters: 'Those of this page.',
    cursor: 'Where the next page begins; absent on the last one.',
  },
});

describe('RedriveRequest', RedriveRequest, {
  description: 'Which dead letters to redrive; all of them when it is empty.',
  fields: {
    operation: 'Only those of this operation.',
    reason: 'Only those that died of this error code.',
    limit: `How many to try at most, up to ${DEAD_LETTER_LIMITS.page}.`,
    cursor: {
      description: 'Of the answer before: goes on with those that were dead at the first request.',
      pattern: REDRIVE_CURSOR.source,
    },
  },
});

describe('RedriveReport', RedriveReport, {
  description: 'What became of many dead letters.',
  fields: {
    redriven: 'Ids of the jobs that are queued again.',
    failed: 'Those that are still dead, and why.',
    cursor: 'Send it for the rest; absent when all were looked at.',
  },
});
