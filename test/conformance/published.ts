/** What programs publish while cases run, held against the AsyncAPI document of the channels. */
import { type Schema, Validator } from '@cfworker/json-schema';
import { connect, type Msg } from '@nats-io/transport-node';
import { HARNESS_SOURCE } from '../../cli/conformance/broker/queue.ts';
import { asyncApi } from '../vectors/asyncapi.ts';

const WORKER_SUBJECTS = ['events.>', 'dead.>', 'callbacks.>', '$KV.>'];

export interface Published {
  /** How many messages of each kind of the document came. */
  readonly counts: () => Readonly<Record<string, number>>;
  /** What does not fit the document, as lines. The same one is told once. */
  readonly faults: () => readonly string[];
  readonly close: () => Promise<void>;
}

/** Listens to what workers publish, from the moment it resolves. */
export async function listen(natsUrl: string): Promise<Published> {
  const connection = await connect({ servers: natsUrl });
  const counts: Record<string, number> = {};
  const faults = new Set<string>();
  const take = (message: Msg): void => {
    if (isOfHarness(message)) return;
    const channel = CHANNELS.find(({ pattern }) => pattern.test(message.subject));
    if (channel === undefined) {
      faults.add(`no channel has the subject ${message.subject}`);
      return;
    }
    counts[channel.name] = (counts[channel.name] ?? 0) + 1;
    for (const fault of channel.faultsOf(message)) faults.add(`${channel.name}: ${fault}`);
  };
  for (const subject of WORKER_SUBJECTS)
    connection.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) take(message);
      },
    });
  await connection.flush();
  return { counts: () => counts, faults: () => [...faults], close: () => connection.close() };
}

/** Only the harness pauses operations, holds places of other workers, and writes events without headers. */
function isOfHarness({ subject, headers, data }: Msg): boolean {
  if (headers?.get('ce-source') === HARNESS_SOURCE || subject.includes('_paused.')) return true;
  const text = Buffer.from(data).toString();
  return text.includes('"other-1"') || (subject.startsWith('events.') && headers === undefined);
}

interface Part {
  readonly $ref?: string;
  readonly properties?: object;
}

interface Channel {
  readonly name: string;
  readonly pattern: RegExp;
  readonly faultsOf: (message: Msg) => readonly string[];
}

const DOCUMENT = asyncApi();
const CHANNELS: readonly Channel[] = Object.entries(DOCUMENT.channels).map(
  ([name, { address, messages }]) => {
    const [kind = ''] = Object.keys(messages);
    const { headers, payload } = DOCUMENT.components.messages[kind] as { headers?: Part; payload: Part };
    const schema = DOCUMENT.components.schemas[payload.$ref?.split('/').at(-1) ?? ''];
    const validator = schema && new Validator(schema as Schema, '2020-12', false);
    const known = new Set(Object.keys(headers?.properties ?? {}).map((header) => header.toLowerCase()));
    return {
      name,
      pattern: patternOf(address),
      faultsOf: (message) => [
        ...(message.headers?.keys() ?? [])
          .filter((header) => !known.has(header.toLowerCase()) && header !== 'KV-Operation')
          .map((header) => `the header ${header} is not in the document`),
        ...(validator === undefined || message.data.length === 0 ? [] : payloadFaults(validator, message)),
      ],
    };
  },
);

function payloadFaults(validator: Validator, { subject, data }: Msg): readonly string[] {
  const text = Buffer.from(data).toString();
  const { valid, errors } = validator.validate(JSON.parse(text));
  if (valid) return [];
  return [`${subject}: ${errors.map(({ error }) => error).join(' ')} ${text.slice(0, 500)}`];
}

function patternOf(address: string): RegExp {
  const text = address.replaceAll(/[.$]/g, '\\$&').replaceAll('{operation}', '.+');
  return new RegExp(`^${text.replaceAll(/\{\w+\}/g, '[^.]+')}$`);
}
