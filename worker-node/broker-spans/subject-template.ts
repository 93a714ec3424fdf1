import { templateOf } from '../../shared/trace/messaging-span.ts';
import {
  parseCallbackSubject,
  parseCancelSubject,
  parseEventSubject,
  parseJobSubject,
} from '../../shared/wire/subjects.ts';

const KNOWN = [parseJobSubject, parseEventSubject, parseCallbackSubject, parseCancelSubject];
const CALLBACK_EVENT = '.callback';

/** A subject without the words that differ from message to message. Of a subject that is not ours, only the first word stays. */
export function subjectTemplate(subject: string): string {
  const plain = subject.endsWith(CALLBACK_EVENT) ? subject.slice(0, -CALLBACK_EVENT.length) : subject;
  if (KNOWN.some((parse) => parse(subject) !== undefined) || parseEventSubject(plain) !== undefined)
    return templateOf(subject);
  const [root = '', ...more] = subject.split('.');
  return more.length === 0 ? root : `${root}.{rest}`;
}
