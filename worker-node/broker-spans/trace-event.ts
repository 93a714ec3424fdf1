/** Reads what nats-server says in one message about one traced message (ADR-41; `server/msgtrace.go`, 2.14.5). */
import * as z from 'zod';
import { parseJson } from '../../shared/text/json/parse-json.ts';
import { readTime } from './time.ts';

/** A longer message is not read. A server writes about 200 bytes for each connection that a message went to. */
const LONGEST_BYTES = 1024 * 1024;

const Time = z.string().transform((text, context) => {
  const ns = readTime(text);
  if (ns !== undefined) return ns;
  context.addIssue({ code: 'custom', message: 'is no time' });
  return z.NEVER;
});
const fault = z.string().optional();

const Ingress = z.object({
  type: z.literal('in'),
  ts: Time,
  kind: z.int(),
  cid: z.number(),
  name: z.string().optional(),
  acc: z.string(),
  subj: z.string().min(1),
  error: fault,
});
const SubjectMapping = z.object({ type: z.literal('sm'), ts: Time, to: z.string() });
const StreamExport = z.object({ type: z.literal('se'), ts: Time, acc: z.string(), to: z.string() });
const ServiceImport = z.object({ type: z.literal('si'), ts: Time, acc: z.string(), to: z.string() });
const Store = z.object({
  type: z.literal('js'),
  ts: Time,
  stream: z.string(),
  nointerest: z.boolean().optional(),
  error: fault,
});
const Egress = z.object({
  type: z.literal('eg'),
  ts: Time,
  kind: z.int(),
  cid: z.number(),
  name: z.string().optional(),
  hop: z.string().optional(),
  sub: z.string().optional(),
  error: fault,
});
const Step = z.discriminatedUnion('type', [SubjectMapping, StreamExport, ServiceImport, Store, Egress]);
/** A kind of step that a newer server may have. */
const NewStep = z
  .object({ type: z.string().refine((type) => !/^(?:in|sm|se|si|js|eg)$/.test(type)) })
  .transform(() => undefined);

const Envelope = z.object({
  server: z.object({
    name: z.string(),
    id: z.string().min(1),
    ver: z.string(),
    cluster: z.string().optional(),
  }),
  request: z.object({
    header: z.record(z.string(), z.array(z.string())).default({}),
    msgsize: z.int().optional(),
  }),
  events: z.tuple([Ingress], z.union([Step, NewStep])),
});

export type TraceStep = z.output<typeof Step>;

/** What one server did with one message: how it came in, and then each step. */
export interface TraceEvent {
  readonly server: z.output<typeof Envelope>['server'];
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** In bytes, with the headers. */
  readonly messageBytes: number | undefined;
  readonly ingress: z.output<typeof Ingress>;
  readonly steps: readonly TraceStep[];
}

/** Why a message is no trace event. */
export type TraceEventFault = 'too-large' | 'not-json' | 'malformed';

/** Reads a message of the trace subject. Never throws: anybody who may publish there may have written it. */
export function readTraceEvent(bytes: Uint8Array): TraceEvent | TraceEventFault {
  if (bytes.length > LONGEST_BYTES) return 'too-large';
  const value = parseJson(new TextDecoder().decode(bytes));
  if (value === undefined) return 'not-json';
  const { data } = Envelope.safeParse(value);
  if (data === undefined) return 'malformed';
  const [ingress, ...steps] = data.events;
  return {
    server: data.server,
    headers: data.request.header,
    messageBytes: data.request.msgsize,
    ingress,
    steps: steps.filter((step) => step !== undefined),
  };
}
