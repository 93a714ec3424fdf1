import { expect, it } from 'vitest';
import type { Sentence } from '../../cli/conformance/sentences.ts';
import type { Sabotage } from '../fixtures/plain-worker/sabotage.ts';
import { atEndOfFile } from '../support/cleanup.ts';
import { startTestNats } from '../support/nats/nats.ts';
import { checkWorker, failedIn, fixture } from './support.ts';

/** Cases that take less than a second each. All of them run for each sabotage, so that it is seen which ones notice. */
const QUICK = [
  'announced-host',
  'echo',
  'header-case',
  'ordered-lane',
  'event-bodies',
  'event-headers',
  'event-chain',
  'one-end',
  'repeated-fields',
  'trace',
  'trace-rest',
  'retry',
  'attempts-of-message',
  'rejected',
  'settle-order',
  'timeout',
  'cancel-running',
  'ended-before',
  'taken-while-running',
  'redrive',
];

interface Row {
  readonly sabotage: Sabotage;
  /** The case that must fail, and the sentence that must not hold in it. */
  readonly at: readonly [name: string, sentence: Sentence];
  /** Whether other cases fail too, because they look at the same messages. */
  readonly spreads?: true;
}

const ROWS: readonly Row[] = [
  { sabotage: 'no-expected-sequence', at: ['event-chain', 'chain-expected'], spreads: true },
  { sabotage: 'ack-before-end', at: ['settle-order', 'settle-last'], spreads: true },
  { sabotage: 'end-twice', at: ['one-end', 'chain-one-end'], spreads: true },
  { sabotage: 'attempts-go-on-after-redrive', at: ['redrive', 'attempt-number'] },
  { sabotage: 'attempts-from-deliveries', at: ['shutdown', 'release-event'] },
  { sabotage: 'no-keep-alive', at: ['keep-alive', 'keep-alive'] },
  { sabotage: 'context-dropped', at: ['trace', 'context-continue'], spreads: true },
  { sabotage: 'one-span-for-all-attempts', at: ['trace', 'context-own'] },
  { sabotage: 'fingerprint-missing', at: ['repeated-fields', 'event-repeats'] },
  { sabotage: 'no-started', at: ['echo', 'started-stored'], spreads: true },
  { sabotage: 'no-dead-letter', at: ['attempts-of-message', 'end-failed'], spreads: true },
  { sabotage: 'cancel-ignored', at: ['cancel-running', 'cancel-running'], spreads: true },
  { sabotage: 'runs-ended-jobs', at: ['ended-before', 'chain-ended'] },
  { sabotage: 'nak-without-delay', at: ['retry', 'end-retrying'] },
  { sabotage: 'headers-missing', at: ['event-headers', 'event-headers'], spreads: true },
  { sabotage: 'random-message-ids', at: ['event-headers', 'event-ids'], spreads: true },
  { sabotage: 'headers-by-exact-name', at: ['header-case', 'read-case'], spreads: true },
  { sabotage: 'headers-unchecked', at: ['unreadable-headers', 'read-absent'] },
  { sabotage: 'no-announcement', at: ['announced-host', 'announce-host'] },
  { sabotage: 'no-time-limit', at: ['timeout', 'read-timeout'] },
  { sabotage: 'one-consumer', at: ['ordered-lane', 'consumer-ordered'] },
  { sabotage: 'no-release', at: ['shutdown', 'release-event'] },
  { sabotage: 'nak-before-released', at: ['shutdown', 'settle-last'] },
  { sabotage: 'answers-a-job-that-is-taken', at: ['started-elsewhere', 'chain-taken'] },
  { sabotage: 'span-of-another-id', at: ['exported-spans', 'context-exported'] },
  { sabotage: 'span-without-parent', at: ['exported-spans', 'context-exported'] },
  { sabotage: 'span-without-link', at: ['exported-spans', 'context-link'] },
  { sabotage: 'limits-ignored', at: ['limit-by-key', 'limit-place'] },
  { sabotage: 'rate-ignored', at: ['rate-by-key', 'limit-place'] },
  { sabotage: 'place-kept', at: ['limit-by-key', 'limit-free'] },
  { sabotage: 'dead-letter-before-retry', at: ['retry', 'dead-failed'], spreads: true },
  { sabotage: 'runs-before-started', at: ['start-refused', 'started-stored'] },
  { sabotage: 'callback-before-end', at: ['callback', 'callback-asked'] },
  { sabotage: 'callback-before-end', at: ['callback-of-another-end', 'callback-asked'] },
  { sabotage: 'callback-for-other-ends', at: ['callback-not-asked', 'callback-asked'] },
  { sabotage: 'callback-without-url', at: ['callback-not-asked', 'callback-asked'] },
  { sabotage: 'stored-pauses-unread', at: ['stored-pause', 'pause-stored'] },
  { sabotage: 'any-filter', at: ['other-filter', 'consumer-filter'] },
  { sabotage: 'progress-unlimited', at: ['progress', 'event-progress'] },
  { sabotage: 'progress-backwards', at: ['progress', 'progress-order'] },
  { sabotage: 'unread-limit-kept', at: ['unreadable-limit', 'end-numbers'] },
  { sabotage: 'dies-of-a-job', at: ['big-result', 'worker-stays'] },
  { sabotage: 'deaf-after-other-letters', at: ['other-letters', 'worker-stays'] },
  { sabotage: 'bytes-unchecked', at: ['unreadable-body', 'read-invalid'] },
  { sabotage: 'empty-body-refused', at: ['empty-body', 'read-input'] },
  { sabotage: 'subject-unchecked', at: ['unreadable-subject', 'read-invalid'] },
  { sabotage: 'zeros-continued', at: ['broken-trace', 'context-broken'] },
  { sabotage: 'cloudevent-context-ignored', at: ['cloudevent-trace', 'context-cloudevent'] },
  { sabotage: 'cloudevent-context-first', at: ['cloudevent-trace', 'context-cloudevent'] },
  { sabotage: 'attributes-not-decoded', at: ['cloudevent-trace', 'read-decode'] },
  { sabotage: 'attributes-not-decoded', at: ['encoded-time', 'read-decode'] },
  { sabotage: 'later-trace-refused', at: ['later-trace', 'context-continue'] },
  { sabotage: 'broken-members-kept', at: ['broken-rest', 'context-left-out'] },
  { sabotage: 'no-tracestate', at: ['trace-rest', 'context-rest'] },
  { sabotage: 'no-baggage', at: ['trace-rest', 'context-rest'] },
  { sabotage: 'repeats-in-success-only', at: ['repeated-fields', 'event-repeats'] },
];

const nats = await startTestNats();
atEndOfFile(() => nats.stop());

it.each(ROWS)('a worker with the fault $sabotage fails the case $at.0', async ({ sabotage, at, spreads }) => {
  const [name, sentence] = at;
  const reports = await checkWorker({
    natsUrl: nats.url,
    command: fixture('plain-worker/worker.ts'),
    environment: { SABOTAGE: sabotage },
    patienceMs: 6_000,
    cases: [...QUICK, name],
  });
  const failed = failedIn(reports);
  expect(failed[name]).toContain(sentence);
  if (spreads !== true) expect(Object.keys(failed)).toEqual([name]);
});
