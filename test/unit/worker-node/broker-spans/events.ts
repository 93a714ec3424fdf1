/** A trace event as nats-server 2.14.5 writes it, with other steps or headers. */
export interface EventParts {
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  readonly server?: Readonly<Record<string, unknown>>;
  readonly ingress?: Readonly<Record<string, unknown>>;
  readonly steps?: readonly Readonly<Record<string, unknown>>[];
}

export const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
export const SENDER = 'b7ad6b7169203331';
export const SUBJECT = 'jobs.normal.p3.acme.job-1.image.resize';

/** A time on one day, by its nanoseconds. */
export const at = (ns: number): string => `2026-11-26T12:00:00.${String(ns).padStart(9, '0')}Z`;

export function eventBytes({ headers, server, ingress, steps = [] }: EventParts = {}): Uint8Array {
  const event = {
    server: { name: 'nats-1', host: '0.0.0.0', id: 'NDX', ver: '2.14.5', seq: 29, time: at(9), ...server },
    request: { header: headers ?? { traceparent: [`00-${TRACE_ID}-${SENDER}-01`] }, msgsize: 113 },
    events: [{ type: 'in', ts: at(100), kind: 0, cid: 13, acc: 'EDGE', subj: SUBJECT, ...ingress }, ...steps],
  };
  return new TextEncoder().encode(JSON.stringify(event));
}
