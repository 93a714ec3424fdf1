import type { BaggageMember } from './contexts.ts';
import type { Meaning } from './meaning.ts';

/** Where a context does not arrive as it was meant, and why that is so. */
export interface Difference {
  readonly whats: readonly string[];
  readonly because: string;
  /** What arrives; with `members`, so many of the members that were meant, whichever they are. */
  readonly arrives: Partial<Meaning> | { readonly members: number };
}

const PADDED = 'baggage with blanks at the ends';
const DIGIT = 'tracestate key of Level 2 with a digit first';
const KEYS = 'baggage key with all kinds of characters';
const LONG = 'baggage of one long value';
const span = (flags: number) => ({
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  flags,
});
const baggage = (...members: BaggageMember[]) => ({ baggage: members });

const OVER_512: Difference = {
  whats: ['tracestate of more than 512 characters'],
  because:
    'Trace Context 3.3, limits: "Vendors SHOULD propagate at least 512 characters"; "the vendor MUST truncate whole entries"',
  arrives: { tracestate: Array.from({ length: 4 }, (_, i) => [`k${i}`, 'v'.repeat(100)]) },
};
const OVER_64: Difference = {
  whats: ['baggage of more than 64 members'],
  because: 'Baggage 3.3.2: over 64 members "a platform MAY drop list-members until both conditions are met"',
  arrives: { members: 64 },
};
const OVER_8192: Difference = {
  whats: ['baggage of more than 8,192 bytes'],
  because: 'Baggage 3.3.2: "it MUST NOT propagate any partial list-members"',
  arrives: { members: 2 },
};
const LIMITS = [OVER_512, OVER_64, OVER_8192];

const LEVEL_1_KEYS: Difference = {
  whats: [DIGIT],
  because: 'the SDK has the keys of Level 1; Level 2: a key "MUST begin with a lowercase letter or a digit"',
  arrives: { tracestate: [] },
};
const LONG_MEMBER: Difference = {
  whats: [LONG],
  because: 'the SDK drops a member of more than 4,096 bytes; Baggage 3.3.2 has only a limit of the whole',
  arrives: { baggage: [] },
};
const RUST_FLAGS: readonly Difference[] = [1, 0].map((flags) => ({
  whats: flags === 1 ? ['random flag', 'everything'] : ['random flag, unsampled'],
  because: 'the SDK has only the sampled flag of Level 1, and clears the random flag of Level 2',
  arrives: { span: span(flags) },
}));
const STRIPPED: Difference = {
  whats: [PADDED],
  because:
    'the SDK also strips blanks that are percent-encoded; Baggage 3.3.1.3 strips only OWS of the header',
  arrives: baggage(['padded', 'a']),
};

const PLUS =
  'the SDK writes a blank as "+"; Baggage 3.3.1.3: "Percent-encoding is defined in RFC3986", where "+" is itself';
const NO_PROPERTIES = 'the API of the SDK has no place for properties';

/** What we read otherwise than the SDK that injected it meant. */
export const READ_BY_US: Readonly<Record<string, readonly Difference[]>> = {
  python: [
    ...LIMITS,
    LEVEL_1_KEYS,
    LONG_MEMBER,
    { whats: ['baggage with non-ASCII'], because: PLUS, arrives: baggage(['city', 'Zürich+東京+🚀']) },
    { whats: ['baggage with spaces'], because: PLUS, arrives: baggage(['name', 'Ann++de+Vries']) },
    { whats: ['baggage with a plus sign'], because: PLUS, arrives: baggage(['phone', '+49+30+1']) },
    { whats: [PADDED], because: PLUS, arrives: baggage(['padded', '+a+']) },
    {
      whats: [KEYS],
      because: 'the SDK percent-encodes keys; Baggage 3.3.1.2: a key is a token, in which "%" is itself',
      arrives: baggage(['a%21%23%24%26%27%2A%2B-.%5E_%60%7C~9', '1']),
    },
    { whats: ['baggage with properties'], because: NO_PROPERTIES, arrives: baggage(['user', 'ann']) },
    {
      whats: ['everything'],
      because: NO_PROPERTIES,
      arrives: baggage(['city', 'Zürich'], ['user', 'ann']),
    },
  ],
  go: [...LIMITS, LEVEL_1_KEYS],
  rust: [
    ...LIMITS,
    ...RUST_FLAGS,
    STRIPPED,
    {
      whats: ['baggage with separators'],
      because:
        'the SDK sends "\\" and "%" as they are; Baggage 3.3.1.3: code points outside of baggage-octet "MUST be percent-encoded"',
      arrives: { baggage: [] },
    },
  ],
};

/** What an SDK extracts from our headers otherwise than the context was meant. */
export const READ_BY_SDK: Readonly<Record<string, readonly Difference[]>> = {
  python: [
    ...LIMITS,
    LEVEL_1_KEYS,
    LONG_MEMBER,
    STRIPPED,
    {
      whats: [KEYS],
      because: 'the SDK decodes keys, and reads a "+" in them as a blank',
      arrives: baggage(["a!#$&'* -.^_`|~9", '1']),
    },
    {
      whats: ['baggage with properties'],
      because: 'the SDK reads properties as part of the value; Baggage 3.3.1: value excludes the semicolon',
      arrives: baggage(['user', 'ann;secret;ttl=30;secret']),
    },
    {
      whats: ['everything'],
      because: 'the SDK reads properties as part of the value',
      arrives: baggage(['city', 'Zürich;source=gps'], ['user', 'ann']),
    },
  ],
  go: [...LIMITS, LEVEL_1_KEYS],
  rust: [...LIMITS, ...RUST_FLAGS, STRIPPED],
};
