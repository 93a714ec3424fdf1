/**
 * The messages on NATS, byte for byte, as the code makes them. Programs in other languages can check themselves with them.
 * `npm run vectors` writes the files, and a test compares them with the code.
 */
import { headers } from '@nats-io/transport-node';
import { ANNOUNCE_MS, HostAnnouncement, hostKey, leaseOf } from '../../shared/api/host-announcement.ts';
import { callbackSecretsFor } from '../../shared/callback-secrets.ts';
import { CALLBACK_ENDS } from '../../shared/job/callback.ts';
import type { CallbackEvent } from '../../shared/job/callback-event.ts';
import type { JobEvent } from '../../shared/job/event.ts';
import { isOperationName, isToken } from '../../shared/job/job-address.ts';
import type { JobSpec } from '../../shared/job/job-spec.ts';
import type { Redrive } from '../../shared/job/redrive.ts';
import { HOST_SUBJECTS } from '../../shared/nats/streams.ts';
import type { Carrier } from '../../shared/propagation/index.ts';
import { callbackSecretKey, callbackSecretOf } from '../../shared/text/secret.ts';
import { callbackId, writeCallbackTask } from '../../shared/wire/callback-task.ts';
import { writeCancelHeaders } from '../../shared/wire/cancel.ts';
import { writeCallbackEventHeaders, writeEventHeaders } from '../../shared/wire/event-message.ts';
import { HEADER, type SetHeader } from '../../shared/wire/headers.ts';
import { writeJobHeaders, writeOutboxHeaders, writeScheduleHeaders } from '../../shared/wire/job-message.ts';
import { writeJson } from '../../shared/wire/json-body.ts';
import { bulkRoute, OWN_LANE, orderedRoute, pooledRoute } from '../../shared/wire/lanes.ts';
import { redriveMessageId } from '../../shared/wire/redrive.ts';
import {
  callbackEventSubject,
  callbackSubject,
  cancelSubject,
  deadSubject,
  delayedSubject,
  eventSubject,
  jobSubject,
} from '../../shared/wire/subjects.ts';
import { deadLetterHeaders } from '../../worker-node/broker/dead-letters.ts';
import { callbackBody } from '../../worker-node/callbacks/callback-body.ts';
import { signatureOf } from '../../worker-node/callbacks/signature.ts';
import { asyncApi } from './asyncapi.ts';
import { EVENTS } from './cloudevents/events.ts';
import { ourEvents } from './cloudevents/ours.ts';
import { chains, events } from './events.ts';
import { ACCEPTED_AT, ADDRESS, CARRIER, EVENT, type Headers, message, TRACEPARENT, text } from './facts.ts';
import { limits } from './limits.ts';
import { operations } from './operations.ts';
import { reading } from './reading.ts';
import { protocolSchemas } from './schemas.ts';
import { CONTEXTS } from './sdks/contexts.ts';
import { ours } from './sdks/ours.ts';

const CALLBACK_URL = 'https://acme.example/hooks?id=1';

const PAYLOAD = JSON.stringify({ url: 'https://example.com/ä.png' });

/** The files under `test/vectors`, by name. */
export async function vectors(): Promise<Readonly<Record<string, unknown>>> {
  return {
    'subjects.json': subjects(),
    'jobs.json': jobs(),
    'events.json': events(),
    'chains.json': chains(),
    'operations.json': operations(),
    'limits.json': limits(),
    ...protocolSchemas(),
    'asyncapi.json': asyncApi(),
    'callbacks.json': { ...callbacks(), posts: await callbackPosts() },
    'cancels.json': cancels(),
    'dead-letters.json': deadLetters(),
    'hosts.json': hosts(),
    'reading.json': reading(),
    'cloudevents/events.json': EVENTS,
    'cloudevents/ours.json': ourEvents(),
    'sdks/contexts.json': CONTEXTS,
    'sdks/ours.json': ours(),
  };
}

/** Announcements of worker hosts, in the bucket `HOSTS`. */
function hosts() {
  return ['host-1', 'host 2.example/é'].map((host) => ({
    subject: HOST_SUBJECTS.replace('>', hostKey(host)),
    body: HostAnnouncement.parse({
      host,
      version: '1.0.0',
      group: 'workers',
      concurrency: 10,
      since: ACCEPTED_AT,
      leaseMs: leaseOf(ANNOUNCE_MS),
      operations: ['echo', ADDRESS.operation],
      ...(host === 'host-1' ? { ownLanes: ['acme'] } : {}),
    }),
  }));
}

function subjects() {
  return {
    valid: [ADDRESS, { tenant: 'T_1-x', jobId: 'raw-1', operation: 'echo' }].map((address) => ({
      ...address,
      job: jobSubject(address),
      dead: deadSubject(address),
      event: eventSubject(address.tenant, address.jobId),
      callback: callbackSubject(address.tenant, address.jobId),
      callbackEvent: callbackEventSubject(address.tenant, address.jobId),
    })),
    lanes: ['acme', 'demo', 'T_1-x', '0', 'x'.repeat(64)].map((tenant) => ({
      tenant,
      pooled: pooledRoute({ tenant }).lane,
      bulk: bulkRoute({ tenant }).lane,
      own: jobSubject({ ...ADDRESS, tenant }, { priority: 'normal', lane: OWN_LANE }),
      ordered: ['customer-7', 'ä', ''].map((key) => ({ key, lane: orderedRoute({ tenant }, key).lane })),
    })),
    invalidTokens: ['', '*', '>', 'a.b', 'a b', 'a\r\nb', 'ü', 'x'.repeat(65)].filter(
      (token) => !isToken(token),
    ),
    invalidOperations: ['', '*', '>', 'Echo', 'a..b', '.a', 'a.', 'a b', '1a', 'a'.repeat(129)].filter(
      (name) => !isOperationName(name),
    ),
  };
}

function jobs() {
  const cases = [
    {
      what: 'a job with limits and a whole trace context',
      spec: { maxAttempts: 3, timeoutMs: 30_000 },
      carrier: CARRIER,
    },
    {
      what: 'a job with an idempotency key',
      spec: { maxAttempts: 5, fingerprint: 'ab'.repeat(32) },
      carrier: { traceparent: TRACEPARENT },
    },
    {
      what: 'a job with a callback at some of its ends',
      spec: { maxAttempts: 5, callback: { url: CALLBACK_URL, events: ['failed', 'cancelled'] as const } },
      carrier: { traceparent: TRACEPARENT },
    },
    {
      what: 'a job with a callback at each end',
      spec: { maxAttempts: 5, callback: { url: CALLBACK_URL, events: CALLBACK_ENDS } },
      carrier: { traceparent: TRACEPARENT },
    },
    { what: 'a job without a trace context', spec: { maxAttempts: 5 }, carrier: {} },
  ];
  const plain = { spec: { maxAttempts: 5 }, carrier: { traceparent: TRACEPARENT } };
  const delayed = { ...plain, spec: { maxAttempts: 5, dueAt: '2026-01-02T04:00:00.000Z' } };
  const outbox = { waitedMs: 12_345.6, again: true };
  const redrive = {
    redriveCount: 2,
    previousTraceIds: ['a3ce929d0e0e47364bf92f3577b34da6', EVENT.traceId],
  };
  return [
    ...cases.map(({ what, spec, carrier }) =>
      message(job(what, { spec, carrier }), (set) => writeJob(spec, carrier, set)),
    ),
    message({ ...job('a delayed job', delayed), subject: delayedSubject(ADDRESS) }, (set) => {
      writeJob(delayed.spec, delayed.carrier, set);
      writeScheduleHeaders(ADDRESS, pooledRoute(ADDRESS), delayed.spec.dueAt, set);
    }),
    message(
      job('a job that waited at the edge, and may have been sent before', { ...plain, outbox }),
      (set) => {
        writeJob(plain.spec, plain.carrier, set);
        writeOutboxHeaders(outbox, set);
      },
    ),
    message(
      job('a dead letter, the 42nd of its stream, redriven for the second time', {
        ...plain,
        redrive,
        deadSequence: 42,
      }),
      (set) => {
        writeJob(plain.spec, plain.carrier, set, redrive);
        set(HEADER.msgId, redriveMessageId(ADDRESS.jobId, 42));
      },
    ),
  ];
}

/** A job on its pooled lane. */
function job(what: string, facts: object) {
  const input = { ...ADDRESS, acceptedAt: ACCEPTED_AT, input: JSON.parse(PAYLOAD), ...facts };
  return { what, input, subject: jobSubject(ADDRESS), payload: PAYLOAD };
}

function writeJob(spec: JobSpec, carrier: Carrier, set: SetHeader, redrive?: Redrive): void {
  const job = { address: ADDRESS, acceptedAt: ACCEPTED_AT, spec, redrive, source: '/throughline/bridge' };
  writeJobHeaders(job, carrier, set);
}

function deadLetters() {
  const inbound = headers();
  writeJob({ maxAttempts: 3 }, CARRIER, (name, value) => inbound.set(name, value));
  const reason = {
    code: 'operation-failed',
    attempts: 3,
    message: 'connect ECONNREFUSED 10.0.0.7:5432',
    detail: 'Error: no zürich\n    at run (file:///a.ts:1:1)',
  };
  const kept = deadLetterHeaders(inbound, ADDRESS.jobId, reason);
  const what = 'a job whose attempts are spent';
  const input = { job: 'the first message of jobs.json', reason };
  return [
    message({ what, input, subject: deadSubject(ADDRESS), payload: PAYLOAD }, (set) => {
      for (const name of kept.keys()) set(name, kept.get(name));
    }),
  ];
}

function cancels() {
  const { startedAt: _, ...queued } = EVENT;
  const error = { code: 'job-cancelled', message: 'cancelled by its caller' };
  const ended: JobEvent = {
    ...queued,
    kind: 'cancelled',
    attempt: 0,
    worker: 'bridge-global-0',
    spanId: '',
    error,
  };
  const notice = { jobId: ADDRESS.jobId, sequence: 7, source: '/throughline/bridge', at: ended.at };
  return [
    message(
      {
        what: 'a cancel notice for the 7th message of JOBS',
        input: notice,
        subject: cancelSubject(ADDRESS.tenant, ADDRESS.jobId),
        payload: '',
      },
      (set) => writeCancelHeaders(notice, CARRIER, set),
    ),
    message(
      {
        what: 'a cancel notice for a delayed job, which has no sequence in JOBS yet',
        input: { ...notice, sequence: Number.MAX_SAFE_INTEGER },
        subject: cancelSubject(ADDRESS.tenant, ADDRESS.jobId),
        payload: '',
      },
      (set) => writeCancelHeaders({ ...notice, sequence: Number.MAX_SAFE_INTEGER }, CARRIER, set),
    ),
    message(
      {
        what: 'the end of a job that no worker had started',
        input: { event: ended, lastSequence: 0 },
        subject: eventSubject(ADDRESS.tenant, ADDRESS.jobId),
        payload: text(writeJson(ended)),
      },
      (set) => {
        const ids = { messageId: `${ADDRESS.jobId}:end`, source: '/throughline/bridge' };
        writeEventHeaders(ended, ids, { traceparent: TRACEPARENT }, set);
        set(HEADER.expectedLast, '0');
      },
    ),
  ];
}

/** The callback tasks of two jobs that have ended, and the events of their deliveries. */
function callbacks() {
  const ends: JobEvent[] = [
    { ...EVENT, kind: 'succeeded', result: { bytes: 1_024 } },
    { ...EVENT, kind: 'cancelled', redriveCount: 1, previousTraceIds: ['0af7651916cd43dd8448eb211c80319c'] },
  ];
  const tasks = ends.map((event) => {
    const headers: Headers = [];
    const task = { tenant: ADDRESS.tenant, url: CALLBACK_URL, event };
    writeCallbackTask(task, '/throughline/worker/host-1', CARRIER, (name, value) =>
      headers.push([name, value]),
    );
    return {
      subject: callbackSubject(ADDRESS.tenant, event.jobId),
      headers,
      payload: text(writeJson(event)),
    };
  });
  const { jobId, at, worker, traceId, spanId } = EVENT;
  const common = { jobId, at, worker, traceId, spanId, url: 'https://acme.example/hooks', maxAttempts: 8 };
  const error = { code: 'callback-failed', message: 'the receiver answered 503' };
  const told: CallbackEvent[] = [
    { ...common, kind: 'callback-retrying', attempt: 1, status: 503, error, retryInMs: 4_200 },
    { ...common, kind: 'callback-delivered', attempt: 2, status: 204 },
    {
      ...common,
      kind: 'callback-failed',
      attempt: 1,
      redriveCount: 1,
      error: { code: 'target-refused', message: '10.0.0.7 is not a public address' },
    },
  ];
  const events = told.map((event) => {
    const headers: Headers = [];
    const ids = { messageId: `${event.jobId}:example`, source: '/throughline/worker/host-1' };
    writeCallbackEventHeaders(event, ids, { traceparent: TRACEPARENT }, (name, value) =>
      headers.push([name, value]),
    );
    const subject = callbackEventSubject(ADDRESS.tenant, event.jobId);
    return { subject, headers, payload: text(writeJson(event)) };
  });
  return { tasks, events };
}

/** The POST of the first task, while one master secret replaces another: what a worker sends, and how a receiver checks it. */
async function callbackPosts() {
  const masters = [1, 2].map((byte) => callbackSecretOf(new Uint8Array(32).fill(byte)));
  const { tenant } = ADDRESS;
  const event: JobEvent = { ...EVENT, kind: 'succeeded', result: { bytes: 1_024 } };
  const id = callbackId(event);
  const timestamp = 1_767_323_050;
  const body = callbackBody({ tenant, audience: new URL(CALLBACK_URL).origin, event }, TRACEPARENT);
  const settings = { CALLBACK_SECRET: masters.join(',') };
  const secrets = await callbackSecretsFor(tenant, settings);
  const keys = secrets.map(callbackSecretKey).filter((key) => key !== undefined);
  const signature = signatureOf({ id, timestamp, body }, keys);
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
  return [{ settings, tenant, secrets, headers, body }];
}
