/**
 * The sentences of docs/PROTOCOL.md that the cases check, by their anchors in the page. A test holds this table against the
 * page: each sentence stands there once, word for word, after its anchor.
 */
export const SENTENCES = {
  'announce-host': 'A worker MUST keep its announcement in the bucket `HOSTS` while it takes jobs.',
  'announce-operations':
    'A worker MUST announce each of its operations in the bucket `OPERATIONS`, and `name` in the value MUST equal the key.',
  'announce-leave': 'A worker MUST delete its key of `HOSTS` when it begins to stop.',
  'consumer-durable':
    'A worker MUST take jobs through durable pull consumers with explicit acks, from the first message on, and without a limit of deliveries.',
  'consumer-filter':
    'A worker MUST NOT start, and MUST NOT change the consumer, if a consumer of its group has a filter that is not its own.',
  'consumer-lanes': 'The consumers of a worker group MUST cover every priority and every lane.',
  'consumer-ordered': 'A worker group MUST NOT have two messages of one ordered lane under way at a time.',
  'read-bare': 'A worker MUST run a job whose message has no headers.',
  'read-case': 'A worker MUST read header names in upper and lower case.',
  'read-input': 'The operation MUST get the body of the message as its input.',
  'read-invalid':
    'A worker MUST move a message that it cannot read to the dead letters, with the code `message-invalid`, and MUST end its job as `failed`.',
  'read-absent':
    'A worker MUST treat a header that it cannot read as absent, except the two limits of the job.',
  'read-decode':
    'A worker MUST percent-decode the value of a header that begins with `ce-`, unless it has a `%` that begins no encoded byte.',
  'read-attempts':
    'A worker MUST NOT allow more attempts than the message does, nor more than the operation does.',
  'read-timeout':
    'A worker MUST abort an attempt that takes longer than the message or the operation allows, and the attempt has failed with the code `operation-timeout`.',
  'context-continue': 'The span of an attempt MUST continue the trace context of the job’s message.',
  'context-own': 'Each attempt MUST have a span of its own.',
  'context-broken':
    'A trace context that is missing or broken MUST start a new trace, and MUST NOT stop the job.',
  'context-cloudevent':
    'A worker MUST take `ce-traceparent` and `ce-tracestate` for the trace context of a message without `traceparent`, and of no other.',
  'context-left-out':
    'A worker MUST leave out a `tracestate` that is broken or has no good `traceparent`, and each broken member of `baggage`, and MUST keep the rest.',
  'context-event':
    'The `traceparent` of an event MUST be of the trace that `traceId` of its body names, and `spanId` of the body MUST be the span of the attempt.',
  'context-flags': 'A worker MUST keep the flag `sampled` of a trace context.',
  'context-rest':
    'Each event of a worker MUST have the `tracestate` and the `baggage` of the job’s message, if the message has them.',
  'context-outgoing':
    'A call that the operation makes MUST carry the trace, the `tracestate` and the `baggage` of the job.',
  'context-exported':
    'The span of an attempt that a worker exports MUST have the id that `spanId` of its events names, the kind CONSUMER, and the span that the `traceparent` of the message names as its parent.',
  'context-link': 'The span of an attempt SHOULD have a link to the span of the attempt before.',
  'job-structured':
    'A job message whose `content-type` is `application/cloudevents+json` MUST be a CloudEvent 1.0 as JSON, with the input as its `data`.',
  'limit-place':
    'Before the event `started` of an attempt whose operation has a limit, a worker MUST add its place or its start to the entry of the key, and it MUST NOT do so while as many as `limit` are there that count.',
  'limit-free': 'After the end of an attempt is recorded, a worker MUST remove its place.',
  'started-stored': 'A worker MUST NOT run anything of an attempt before its event `started` is stored.',
  'started-first':
    'The event `started` of a first delivery MUST expect the sequence 0, unless the job was redriven or published again.',
  'started-record':
    'Before the event `started` of any other delivery, a worker MUST read the last event of the job and expect its sequence.',
  'chain-expected':
    'Every event of a worker MUST have the header `Nats-Expected-Last-Subject-Sequence`, with the sequence of the event that it follows.',
  'chain-ended':
    'A worker MUST NOT run a job whose end is recorded: it acks the message, and writes no event and no dead letter.',
  'chain-taken':
    'A worker that finds that another delivery has the job MUST abort its attempt, MUST NOT write any event but a terminal one, and MUST NOT answer its delivery unless that event was stored.',
  'chain-unreadable':
    'A worker MUST NOT run a job whose last event cannot be read: it ends the job as `failed`, with the code `record-unreadable`.',
  'chain-one-end': 'A job MUST NOT have two terminal events with one redrive count.',
  'attempt-number':
    'The number of an attempt MUST be that of the job’s last event plus 1, or 1 if there is no event with the redrive count of the message.',
  'attempt-spent':
    'A worker MUST NOT start more attempts than are allowed: it ends the job as `failed`, with the code `attempts-spent`.',
  'attempt-fence': 'The fence of an attempt MUST be the sequence of its event `started`.',
  'event-body': 'The body of an event MUST be a whole snapshot of the job, as the schema says.',
  'event-headers': 'An event MUST have the headers of the table below.',
  'event-ids':
    'The `Nats-Msg-Id` of an event MUST be as the table says, and its `ce-id` MUST be the same text.',
  'event-repeats':
    'The body of each event MUST repeat `fingerprint`, `priority`, `orderingKey` and `tags` of the job’s message.',
  'event-progress':
    'A worker SHOULD record what the operation reports as events `progress`, at most one in 250 ms.',
  'progress-order': 'A worker MUST record progress in the order in which the operation reported it.',
  'settle-last':
    'A worker MUST NOT answer a delivery before all that it records of it is stored: dead letter, event, callback task, in this order.',
  'settle-once': 'A worker MUST NOT answer a delivery twice.',
  'keep-alive': 'A worker MUST send keep-alives for each message that it has, several in each ack wait.',
  'end-succeeded':
    'The event `succeeded` MUST have the value that the operation returned as `result`, and the message is acked.',
  'end-retrying':
    'An attempt that failed and is not the last MUST be recorded as `retrying`, with `error` and `retryInMs`, and the message is handed back with that delay.',
  'end-failed':
    'A job that has failed MUST be stored in `DEAD` before its event `failed`, and its message is terminated.',
  'dead-failed':
    'A worker MUST NOT write a dead letter of a job that it does not end as `failed`, and none for an attempt that another one follows.',
  'end-rejected':
    'An operation that rejects its job MUST end it as `failed` without another attempt, with the code `operation-rejected`.',
  'end-numbers':
    'An end that a worker records without an attempt MUST have the `attempt` and the `maxAttempts` of this table.',
  'end-large': 'A result that is too large MUST end the job as `failed`, with the code `result-too-large`.',
  'dead-letter':
    'A dead letter MUST have the body and the headers of the job’s message, without those that begin with `Nats-`.',
  'dead-reason':
    'A dead letter MUST have `throughline-dead-reason`, `throughline-dead-attempts` and the `Nats-Msg-Id` `<jobId>:dead`.',
  'cancel-running':
    'A worker MUST end a job that it has when a cancel notice for its message comes: it aborts the operation and records `cancelled` with the code `job-cancelled`.',
  'cancel-stored':
    'Before any attempt but that of a first delivery, a worker MUST read the stored cancel notice of the job, and end a job that is cancelled.',
  'cancel-sequence':
    'A worker MUST NOT end a job for a notice whose `throughline-job-sequence` is less than the sequence of its message.',
  'redrive-counts':
    'From redrive count 1 on, each event of the job MUST have `redriveCount` and `previousTraceIds` in its body and its headers, and the ids of events and dead letters MUST end with `:<redriveCount>`.',
  'redrive-stale':
    'A worker MUST NOT run a message if an event with a higher redrive count is stored: it acks the message.',
  'missing-operation':
    'A worker that gets a job of an operation that it does not have MUST hand it back with a delay, and MUST NOT write an event.',
  'worker-stays': 'A worker MUST NOT end before it is told to stop, whatever its jobs do.',
  'release-event':
    'A worker that hands back a job that it has started MUST record `released`, with `released` one higher and with the number of spent attempts as `attempt`.',
  'release-stop':
    'A worker that is told to stop MUST take no more jobs, MUST hand back those that do not end in time, and then ends.',
  'pause-hold': 'A worker MUST NOT start jobs of an operation that is paused.',
  'pause-stored': 'A worker MUST read the stored pauses before it takes jobs.',
  'callback-task':
    'A worker that records the end of a job with a callback for this end MUST store the callback task before it answers the delivery.',
  'callback-asked':
    'A worker MUST NOT store a callback task before the end that it tells is stored, nor one for an end for which the job’s message asks for none.',
  'job-subject': 'A producer MUST publish a job on `jobs.<priority>.<lane>.<tenant>.<jobId>.<operation>`.',
  'job-id': 'A producer MUST publish each job that it is asked for under one id, which no other job has.',
  'job-lane': 'A job without an ordering key SHOULD be on the pooled lane of its tenant.',
  'job-stored':
    'A producer MUST wait for the acknowledgement of JetStream before it counts a job as accepted.',
  'job-body': 'The body of a job message in binary mode MUST be the input as JSON in UTF-8.',
  'job-msg-id': 'A producer SHOULD set `Nats-Msg-Id` to the job id.',
  'job-context':
    'A producer that has a trace context MUST write it as `traceparent`, once, with the span that sends the job as parent.',
  'job-tracestate': 'A producer SHOULD write `tracestate` and `baggage` of its context too.',
  'job-cloudevent':
    'A producer SHOULD write the attributes of a CloudEvent: `ce-specversion` `1.0`, `ce-id`, `ce-source`, `ce-type`, `ce-time` and `content-type` `application/json`.',
  'job-commands':
    'Of the headers that begin with `Nats-`, which command the server, a producer MUST NOT write any but `Nats-Msg-Id`, `Nats-Expected-Stream` and those of a delayed job.',
} as const;

/** The anchor of a sentence in docs/PROTOCOL.md. */
export type Sentence = keyof typeof SENTENCES;
