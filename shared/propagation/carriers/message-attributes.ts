import type { Carrier, CarrierReader } from '../carrier.ts';
import { collect } from '../readers.ts';
import { fieldsOf, type HeaderRecord, othersOf, textsOf } from './record.ts';

/** The most message attributes that Amazon SQS takes ("Amazon SQS message attributes"). */
const MAX_ATTRIBUTES = 10;

/** A message attribute with a text, as the AWS SDK sends it. */
export interface TextAttribute {
  readonly DataType: 'String';
  readonly StringValue: string;
}

/**
 * Reads the message attributes of Amazon SQS and SNS, in each form in which they come: `MessageAttributes` of the AWS SDK
 * (`StringValue`), `messageAttributes` of a Lambda event (`stringValue`), and `MessageAttributes` of what SNS sends, also
 * as the body of an SQS message (`Value`).
 *
 * @example
 * const { context } = extract(fromMessageAttributes(message.MessageAttributes));
 */
export function fromMessageAttributes(attributes: HeaderRecord | undefined | null): CarrierReader {
  let keys: string[] | undefined;
  return (name) => {
    keys ??= Object.keys(attributes ?? {});
    return collect(keys, name, (key) => textOf(attributes?.[key]));
  };
}

function textOf(attribute: unknown): readonly string[] {
  if (typeof attribute !== 'object' || attribute === null) return [];
  const { StringValue, stringValue, Value } = attribute as Record<string, unknown>;
  return textsOf(StringValue ?? stringValue ?? Value);
}

/**
 * Returns a copy of message attributes for the AWS SDK, with this carrier in the place of the one that they hold. A message has
 * at most ten attributes, and the sender's own come first. So what has no room is left out: first `baggage`, then
 * `tracestate`, then `traceparent`.
 *
 * @example
 * sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageAttributes: withMessageAttributes({}, inject(context)) }));
 */
export function withMessageAttributes<Attribute>(
  attributes: Readonly<Record<string, Attribute>> | undefined | null,
  carrier: Carrier,
): Record<string, Attribute | TextAttribute> {
  const others = othersOf(attributes);
  const room = Math.max(0, MAX_ATTRIBUTES - others.length);
  const fields = fieldsOf(carrier).slice(0, room);
  const texts = fields.map(([name, StringValue]) => [name, { DataType: 'String', StringValue }] as const);
  return Object.fromEntries<Attribute | TextAttribute>([...others, ...texts]);
}
