/** The cases for a producer. Each looks at the messages one by one. */
import { canonicalJson } from '../../../shared/text/json/canonical-json.ts';
import { parseJson } from '../../../shared/text/json/parse-json.ts';
import { pooledRoute } from '../../../shared/wire/lanes.ts';
import { parseJobSubject, parseRoute } from '../../../shared/wire/subjects.ts';
import { isSampled, isTraceId, TRACEPARENT } from '../broker/traceparent.ts';
import type { Findings } from '../findings.ts';
import type { Sentence } from '../sentences.ts';
import type { Produced, Wanted } from './produced.ts';

export interface ProducerCase {
  readonly name: string;
  /** What is looked at: one sentence. */
  readonly what: string;
  readonly sentences: readonly Sentence[];
  readonly check: (message: Produced, wanted: Wanted, findings: Findings) => void;
}

/** Server commands that a producer may use. */
const ALLOWED_COMMANDS = ['nats-msg-id', 'nats-expected-stream', 'nats-trace-dest'];
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

export const PRODUCER_CASES: readonly ProducerCase[] = [
  {
    name: 'subject',
    what: 'the subject names the priority, the lane, the tenant, the job and the operation',
    sentences: ['job-subject', 'job-lane'],
    check: ({ subject }, { tenant, operation }, findings) => {
      const address = parseJobSubject(subject);
      const isRight = address?.tenant === tenant && address.operation === operation;
      findings.check('job-subject', isRight, `the subject is ${subject}`);
      const [lane, pooled] = [parseRoute(subject)?.lane, pooledRoute({ tenant }).lane];
      findings.check('job-lane', lane === pooled, `the lane is ${lane}, and that of ${tenant} is ${pooled}`);
    },
  },
  {
    name: 'job-ids',
    what: 'each run of the program publishes one job, under an id of its own',
    sentences: ['job-id'],
    check: ({ subject, jobsOfRun, earlierIds }, _wanted, findings) => {
      findings.check('job-id', jobsOfRun === 1, `${jobsOfRun} jobs were published, and one was asked for`);
      const jobId = parseJobSubject(subject)?.jobId ?? '';
      findings.check('job-id', !earlierIds.includes(jobId), `the job id is ${jobId}, as in an earlier run`);
    },
  },
  {
    name: 'stored',
    what: 'JetStream has the message, and was asked for an acknowledgement',
    sentences: ['job-stored'],
    check: ({ asksForAck, isStored, exitCode }, _wanted, findings) => {
      findings.check(
        'job-stored',
        asksForAck,
        'the message was published without asking for an acknowledgement',
      );
      findings.check('job-stored', isStored, 'the message is not in JOBS');
      findings.check('job-stored', exitCode === 0, `the program ended with ${exitCode ?? 'a signal'}`);
    },
  },
  {
    name: 'body',
    what: 'the body is the input as JSON, and nothing else',
    sentences: ['job-body'],
    check: ({ data }, { input }, findings) => {
      const body = new TextDecoder().decode(data);
      const isSame = canonicalJson(parseJson(body)) === canonicalJson(parseJson(input));
      findings.check('job-body', isSame, `the body is ${body}, and the input ${input}`);
    },
  },
  {
    name: 'message-id',
    what: 'a message that is sent twice is stored once',
    sentences: ['job-msg-id'],
    check: ({ subject, values }, _wanted, findings) => {
      const jobId = parseJobSubject(subject)?.jobId;
      const [id] = values('Nats-Msg-Id');
      findings.check('job-msg-id', id === jobId, `Nats-Msg-Id is ${id}, and the job id ${jobId}`);
    },
  },
  {
    name: 'context',
    what: 'the message is in the trace of its producer',
    sentences: ['job-context'],
    check: ({ values }, { traceparent }, findings) => {
      const found = values('traceparent');
      findings.need('job-context', found.length === 1, `there are ${found.length} traceparent`);
      const [, traceId = '', spanId, flags = ''] = TRACEPARENT.exec(found[0] ?? '') ?? [];
      const [, wantedTrace, wantedSpan, wantedFlags = ''] = TRACEPARENT.exec(traceparent) ?? [];
      const says = `traceparent is ${found[0]}, and TRACEPARENT ${traceparent}`;
      findings.check('job-context', isTraceId(traceId) && traceId === wantedTrace, says);
      findings.check('job-context', spanId !== wantedSpan, `${says}: there is no span that sends the job`);
      const isSame = isSampled(flags) === isSampled(wantedFlags);
      findings.check('job-context', isSame, `${says}: the flag \`sampled\` is another one`);
    },
  },
  {
    name: 'tracestate-and-baggage',
    what: 'the rest of the context goes along',
    sentences: ['job-tracestate'],
    check: ({ values }, { tracestate, baggage }, findings) => {
      const state = values('tracestate').join(',');
      findings.check('job-tracestate', state.includes(tracestate), `tracestate is ${JSON.stringify(state)}`);
      const pairs = values('baggage').join(',');
      findings.check('job-tracestate', pairs.includes(baggage), `baggage is ${JSON.stringify(pairs)}`);
    },
  },
  {
    name: 'cloudevent',
    what: 'the message is a CloudEvent, in binary or in structured mode',
    sentences: ['job-cloudevent'],
    check: ({ values, mode }, _wanted, findings) => {
      const of = (name: string): string => values(name)[0] ?? '';
      const note = (name: string, holds: boolean): void =>
        findings.check('job-cloudevent', holds, `${name} is ${JSON.stringify(of(name))}`);
      note('ce-specversion', of('ce-specversion') === '1.0');
      for (const name of ['ce-id', 'ce-source', 'ce-type']) note(name, of(name) !== '');
      note('ce-time', TIME.test(of('ce-time')));
      const type = mode === 'structured' ? 'ce-datacontenttype' : 'content-type';
      note(type, of(type).startsWith('application/json'));
    },
  },
  {
    name: 'structured-mode',
    what: 'a message in structured mode can be opened',
    sentences: ['job-structured'],
    check: ({ data, mode }, { input }, findings) => {
      if (mode === 'binary') findings.skip('the message is in binary mode');
      const body = new TextDecoder().decode(data);
      const isSame = canonicalJson(parseJson(body)) === canonicalJson(parseJson(input));
      const found =
        mode === 'structured'
          ? `data is ${body}, and the input ${input}`
          : `the body is no CloudEvent 1.0: ${body}`;
      findings.check('job-structured', mode === 'structured' && isSame, found);
    },
  },
  {
    name: 'server-commands',
    what: 'no header commands the server',
    sentences: ['job-commands'],
    check: ({ names }, _wanted, findings) => {
      const commands = names.filter((name) => /^nats-/i.test(name)).map((name) => name.toLowerCase());
      const others = commands.filter((name) => !ALLOWED_COMMANDS.includes(name));
      findings.check('job-commands', others.length === 0, `the message has ${others.join(', ')}`);
    },
  },
];
