/** The events that the SDKs of CloudEvents write, each in binary and in structured mode. `npm run vectors` writes them as JSON. */

/** An event, as a program has it before it writes a message. */
export interface SdkEvent {
  readonly what: string;
  /** The attributes, without `specversion`. */
  readonly attributes: Readonly<Record<string, string>>;
  /** The data as a JSON value. */
  readonly data: unknown;
}

const attributes = {
  id: '01a1fc27-0387-7195-bbd2-9b1c91758d67',
  source: '/shop/orders',
  type: 'dev.throughline.job.submitted',
  time: '2026-01-02T03:04:05.678Z',
  datacontenttype: 'application/json',
};
const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

export const EVENTS: readonly SdkEvent[] = [
  { what: 'an event', attributes, data: { url: 'https://example.com/ä.png', n: 1 } },
  { what: 'a trace context', attributes: { ...attributes, traceparent }, data: { list: [1, 'two', null] } },
  {
    what: 'a tracestate with all kinds of characters',
    attributes: { ...attributes, traceparent, tracestate: 'fw529a3039@dt=Fff a b,v=!"#$&\'()*+;<>?[]^`{|}~' },
    data: { a: 1 },
  },
  {
    what: 'a tracestate with a percent sign',
    attributes: { ...attributes, traceparent, tracestate: 'v=100%,w=a%20b' },
    data: { a: 1 },
  },
  {
    what: 'a subject that is not ASCII, and a source with an escape',
    attributes: { ...attributes, source: '/shop/Z%C3%BCrich', subject: '東京 "1" 100%', traceparent },
    data: { a: 1 },
  },
  {
    what: 'a type of JSON with a suffix and a parameter',
    attributes: { ...attributes, datacontenttype: 'application/vnd.order+json; charset=utf-8' },
    data: { a: 1 },
  },
];
