/** The contexts that the SDKs and our own code write into headers. `npm run vectors` writes them for the SDKs, as JSON. */

/** The key, the value, and the properties, of which one without a value is `[key]`. */
export type BaggageMember = readonly [
  key: string,
  value: string,
  properties?: readonly (readonly string[])[],
];

/** A trace context and baggage, as a program has them before it writes headers. */
export interface SdkContext {
  readonly what: string;
  readonly span?: { readonly traceId: string; readonly spanId: string; readonly flags: number } | undefined;
  readonly tracestate?: readonly (readonly [key: string, value: string])[];
  readonly baggage?: readonly BaggageMember[];
}

const span = (flags: number) => ({
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  flags,
});

const many = (count: number, length: number, fill = 'v') =>
  Array.from({ length: count }, (_, i) => [`k${i}`, fill.repeat(length)] as const);

export const CONTEXTS: readonly SdkContext[] = [
  { what: 'plain', span: span(1) },
  { what: 'unsampled', span: span(0) },
  { what: 'random flag', span: span(3) },
  { what: 'random flag, unsampled', span: span(2) },
  { what: 'tracestate of one member', span: span(1), tracestate: [['vendor', 'a']] },
  {
    what: 'tracestate with a tenant, blanks inside a value, and all kinds of characters',
    span: span(1),
    tracestate: [
      ['fw529a3039@dt', 'FfffF a b'],
      ['a_b-c*d/e', '!"#$%&\'()*+-./:;<>?@[\\]^_`{|}~'],
      ['last', 'z'],
    ],
  },
  { what: 'tracestate of 32 members', span: span(1), tracestate: many(32, 4) },
  { what: 'tracestate of more than 512 characters', span: span(1), tracestate: many(8, 100) },
  { what: 'tracestate key of Level 2 with a digit first', span: span(1), tracestate: [['0digit', 'a']] },
  { what: 'baggage', span: span(1), baggage: [['user', 'ann']] },
  { what: 'baggage without a span', baggage: [['user', 'ann']] },
  { what: 'baggage with non-ASCII', span: span(1), baggage: [['city', 'Zürich 東京 🚀']] },
  { what: 'baggage with spaces', span: span(1), baggage: [['name', 'Ann  de Vries']] },
  { what: 'baggage with a plus sign', span: span(1), baggage: [['phone', '+49 30+1']] },
  { what: 'baggage with separators', span: span(1), baggage: [['text', 'a,b;c=d"e\\f%g%20h']] },
  { what: 'baggage with line breaks', span: span(1), baggage: [['text', 'a\r\nb\tc']] },
  { what: 'baggage with an empty value', span: span(1), baggage: [['empty', '']] },
  { what: 'baggage with blanks at the ends', span: span(1), baggage: [['padded', ' a ']] },
  { what: 'baggage key with all kinds of characters', span: span(1), baggage: [["a!#$&'*+-.^_`|~9", '1']] },
  {
    what: 'baggage with properties',
    span: span(1),
    baggage: [['user', 'ann', [['secret'], ['ttl', '30'], ['secret']]]],
  },
  { what: 'baggage of 64 members', span: span(1), baggage: many(64, 3) },
  { what: 'baggage of more than 64 members', span: span(1), baggage: many(70, 3) },
  { what: 'baggage of one long value', span: span(1), baggage: many(1, 8000) },
  { what: 'baggage of more than 8,192 bytes', span: span(1), baggage: many(3, 3000) },
  {
    what: 'everything',
    span: span(3),
    tracestate: [
      ['congo', 't61rcWkgMzE'],
      ['rojo', '00f067aa0ba902b7'],
    ],
    baggage: [
      ['user', 'ann'],
      ['city', 'Zürich', [['source', 'gps']]],
    ],
  },
];
