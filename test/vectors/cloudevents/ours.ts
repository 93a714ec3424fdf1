import type { JobEvent } from '../../../shared/job/event.ts';
import { writeEventHeaders } from '../../../shared/wire/event-message.ts';
import type { SetHeader } from '../../../shared/wire/headers.ts';
import { writeJobHeaders } from '../../../shared/wire/job-message.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { callbackBody } from '../../../worker-node/callbacks/callback-body.ts';

/** A message as a program hands it to an SDK: the headers by name, and the body as text. */
export interface EventMessage {
  readonly what: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const acceptedAt = '2026-01-02T03:04:05.678Z';
const address = {
  tenant: 'acme',
  jobId: '01a1fc27-0387-7195-bbd2-9b1c91758d67',
  operation: 'image.thumbnail',
};
const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const carrier = { traceparent, tracestate: 'vendor=a b,other=1%', baggage: 'user=ann' };
const input = { url: 'https://example.com/ä.png' };
const event: JobEvent = {
  kind: 'succeeded',
  jobId: address.jobId,
  operation: address.operation,
  attempt: 1,
  maxAttempts: 5,
  released: 0,
  acceptedAt,
  startedAt: '2026-01-02T03:04:06.000Z',
  at: '2026-01-02T03:04:07.000Z',
  worker: 'host-1',
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '1111222233334444',
  result: { bytes: 1_024 },
};

/** What Throughline writes as a CloudEvent: in binary mode on NATS, and in structured mode in a callback. */
export function ourEvents(): EventMessage[] {
  const spec = { maxAttempts: 3 };
  const ids = { messageId: `${event.jobId}:end`, source: '/throughline/worker/host-1' };
  const post = { tenant: address.tenant, audience: 'https://acme.example', event };
  return [
    message('a job', writeJson(input), (set) =>
      writeJobHeaders({ address, acceptedAt, spec, source: '/throughline/bridge' }, carrier, set),
    ),
    message('an event', writeJson(event), (set) => writeEventHeaders(event, ids, carrier, set)),
    {
      what: 'a callback',
      headers: { 'content-type': 'application/cloudevents+json', traceparent },
      body: callbackBody(post, traceparent),
    },
  ];
}

function message(what: string, body: Uint8Array, write: (set: SetHeader) => void): EventMessage {
  const headers: Record<string, string> = {};
  write((name, value) => {
    headers[name] = value;
  });
  return { what, headers, body: new TextDecoder().decode(body) };
}
