/** Every kind of carrier, and how headers get into it without the library that it comes from. */
import {
  type Carrier,
  type CarrierReader,
  fromAmqpHeaders,
  fromCeleryHeaders,
  fromEnvironment,
  fromGrpcMetadata,
  fromHeaders,
  fromKafkaHeaders,
  fromMessageAttributes,
  fromNatsHeaders,
  fromNodeHeaders,
  fromPayload,
  fromRecord,
  fromSqlComment,
  setCarrier,
  withCarrier,
  withEnvironment,
  withMessageAttributes,
  withPayload,
  withSqlComment,
} from '../../../shared/propagation/index.ts';

export type Lines = readonly (readonly [string, string])[];

export interface Kind {
  /** Reads headers that another program wrote. */
  readonly from: (lines: Lines) => CarrierReader;
  /** Writes a carrier as our code does, over what other lines are there, and reads it again. */
  readonly write: (carrier: Carrier, over: Lines) => CarrierReader;
  /** Whether the case of a name does not matter. */
  readonly anyCase: boolean;
  /** Whether a name may be there twice in one spelling. */
  readonly repeats: boolean;
  /** What it cannot hold. */
  readonly omits?: 'baggage';
}

const utf8 = new TextEncoder();

/** NATS headers without a client: names keep their case, each has a list of values. */
export function natsHeaders(lines: Lines) {
  const headers = listsOf(lines);
  return { keys: () => [...headers.keys()], values: (key: string) => headers.get(key) ?? [] };
}

function listsOf(lines: Lines): Map<string, string[]> {
  const lists = new Map<string, string[]>();
  for (const [key, value] of lines) lists.set(key, [...(lists.get(key) ?? []), value]);
  return lists;
}

/** As `IncomingMessage` gives them: lowercase names, a string, or a list if a line is repeated. */
function nodeHeaders(lines: Lines): Record<string, string | string[]> {
  return listed(lines.map(([name, value]) => [name.toLowerCase(), value]));
}

/** A string, or a list if a line is repeated. */
function listed(lines: Lines): Record<string, string | string[]> {
  const pairs = [...listsOf(lines)].map(([key, values]) => [key, values.length > 1 ? values : values.join()]);
  return Object.fromEntries(pairs) as Record<string, string | string[]>;
}

/** As `kafkajs` gives them: bytes, or a list of bytes if a line is repeated. */
function bytesOf(lines: Lines): Record<string, Uint8Array | Uint8Array[]> {
  const pairs = [...listsOf(lines)].map(([key, values]) => {
    const bytes = values.map((value) => utf8.encode(value));
    return [key, bytes.length > 1 ? bytes : bytes[0]];
  });
  return Object.fromEntries(pairs) as Record<string, Uint8Array | Uint8Array[]>;
}

/** gRPC metadata without a client: names are lowercase, each has a list of values. */
function metadata(lines: Lines) {
  const lists = listsOf(lines.map(([name, value]) => [name.toLowerCase(), value]));
  return {
    get: (name: string): string[] => lists.get(name.toLowerCase()) ?? [],
    set: (name: string, value: string): unknown => lists.set(name.toLowerCase(), [value]),
  };
}

const attributes = (lines: Lines, type: string, value: string) =>
  Object.fromEntries(lines.map(([key, text]) => [key, { [type]: 'String', [value]: text }]));

/** A comment of another program: keys and values percent-encoded, in any order. */
const comment = (lines: Lines): string =>
  `SELECT 'it''s' ${lines.length === 0 ? '' : `/*${lines.map(([key, value]) => `${key}='${encodeURIComponent(value)}'`).join(',')}*/`};\n`;

const record = (
  from: (headers: Record<string, string | string[]>) => CarrierReader,
): Pick<Kind, 'from' | 'write'> => ({
  from: (lines) => from(listed(lines)),
  write: (carrier, over) => from(withCarrier(listed(over), carrier)),
});

export const KINDS: Readonly<Record<string, Kind>> = {
  'Fetch headers': {
    from: (lines) => fromHeaders(new Headers(lines.map(([name, value]): [string, string] => [name, value]))),
    write: (carrier, over) => fromHeaders(new Headers(withCarrier(Object.fromEntries(over), carrier))),
    anyCase: true,
    repeats: true,
  },
  'Node headers': {
    from: (lines) => fromNodeHeaders(nodeHeaders(lines)),
    write: (carrier, over) => fromNodeHeaders(withCarrier(nodeHeaders(over), carrier)),
    anyCase: true,
    repeats: true,
  },
  'NATS headers': {
    from: (lines) => fromNatsHeaders(natsHeaders(lines)),
    write: (carrier) => fromNatsHeaders(natsHeaders(Object.entries(carrier))),
    anyCase: true,
    repeats: true,
  },
  'gRPC metadata': {
    from: (lines) => fromGrpcMetadata(metadata(lines)),
    write(carrier) {
      const written = metadata([]);
      setCarrier(carrier, (name, value) => written.set(name, value));
      return fromGrpcMetadata(written);
    },
    anyCase: true,
    repeats: true,
  },
  'Kafka headers': {
    from: (lines) => fromKafkaHeaders(bytesOf(lines)),
    write: (carrier, over) => fromKafkaHeaders(withCarrier(bytesOf(over), carrier)),
    anyCase: true,
    repeats: true,
  },
  'Kafka headers as a list': {
    from: (lines) => fromKafkaHeaders(lines.map(([key, value]) => ({ [key]: utf8.encode(value) }))),
    write: (carrier) => fromKafkaHeaders(Object.entries(carrier).map(([key, value]) => ({ [key]: value }))),
    anyCase: true,
    repeats: true,
  },
  'Kafka headers as a Map': {
    // Keys that are bytes differ from each other, so a name can come again.
    from: (lines) =>
      fromKafkaHeaders(new Map(lines.map(([key, value]) => [utf8.encode(key), utf8.encode(value)]))),
    write: (carrier) => fromKafkaHeaders(new Map(Object.entries(carrier))),
    anyCase: true,
    repeats: true,
  },
  'AMQP headers': { ...record(fromAmqpHeaders), anyCase: true, repeats: true },
  'Celery headers': {
    ...record((headers) => fromCeleryHeaders({ lang: 'py', id: '1', retries: 0, ...headers })),
    anyCase: true,
    repeats: true,
  },
  'Celery headers, one level deeper': {
    ...record((headers) => fromCeleryHeaders({ lang: 'py', id: '1', headers })),
    anyCase: true,
    repeats: true,
  },
  'SQS attributes of the SDK': {
    from: (lines) => fromMessageAttributes(attributes(lines, 'DataType', 'StringValue')),
    write: (carrier, over) =>
      fromMessageAttributes(withMessageAttributes(attributes(over, 'DataType', 'StringValue'), carrier)),
    anyCase: true,
    repeats: false,
  },
  'SQS attributes of a Lambda event': {
    from: (lines) => fromMessageAttributes(attributes(lines, 'dataType', 'stringValue')),
    write: (carrier) => fromMessageAttributes(withMessageAttributes({}, carrier)),
    anyCase: true,
    repeats: false,
  },
  'SNS attributes': {
    from: (lines) => fromMessageAttributes(attributes(lines, 'Type', 'Value')),
    write: (carrier) => fromMessageAttributes(withMessageAttributes({}, carrier)),
    anyCase: true,
    repeats: false,
  },
  'JSON payload': {
    from: (lines) => fromPayload({ order: 7, trace: Object.fromEntries(lines) }),
    write: (carrier, over) =>
      fromPayload(withPayload({ order: 7, trace: Object.fromEntries(over) }, carrier)),
    anyCase: true,
    repeats: false,
  },
  environment: {
    from: (lines) => fromEnvironment({ PATH: '/bin', ...Object.fromEntries(lines) }),
    write: (carrier, over) => fromEnvironment(withEnvironment(Object.fromEntries(over), carrier)),
    anyCase: false,
    repeats: false,
  },
  'SQL comment': {
    from: (lines) => fromSqlComment(comment(lines)),
    write: (carrier) => fromSqlComment(withSqlComment('SELECT 1;', carrier)),
    anyCase: true,
    repeats: true,
    omits: 'baggage',
  },
  record: {
    from: (lines) => fromRecord(Object.fromEntries(lines)),
    write: (carrier, over) => fromRecord(withCarrier(Object.fromEntries(over), carrier)),
    anyCase: true,
    repeats: false,
  },
};

/** The kinds for which a rule holds. */
export const kindsWhere = (holds: (kind: Kind) => boolean): [string, Kind][] =>
  Object.entries(KINDS).filter(([, kind]) => holds(kind));
