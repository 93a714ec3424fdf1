import { type Attributes, SpanKind } from '@opentelemetry/api';
import { MESSAGING_SYSTEM } from './semantics.ts';

/** What a span does with a message: the values of `messaging.operation.type` that we use, and the kind that each has. */
const KIND = {
  send: SpanKind.PRODUCER,
  receive: SpanKind.CLIENT,
  process: SpanKind.CONSUMER,
  settle: SpanKind.CLIENT,
} as const;

/**
 * The words of a subject, after its first one, that differ from job to job. Only jobs have a priority and a lane.
 */
const ROUTED = { words: 4, template: '{priority}.{lane}.{tenant}.{jobId}' };
const UNROUTED = { words: 2, template: '{tenant}.{jobId}' };

/** A span of the messaging conventions: its name, and what it starts with. */
export interface MessagingSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
}

/**
 * Names and describes a span by OpenTelemetry's messaging conventions. It is named after its operation and the template of the
 * subject, so the two always agree.
 * @param subject a subject of a job, an event or a dead letter
 * @param name what NATS calls the operation, if that is another word than its type
 */
export function messagingSpan(type: keyof typeof KIND, subject: string, name: string = type): MessagingSpan {
  const template = templateOf(subject);
  return {
    name: `${name} ${template}`,
    kind: KIND[type],
    // V8 takes much longer for names that it must look up, and each job has several spans.
    attributes: {
      'messaging.system': MESSAGING_SYSTEM,
      'messaging.operation.type': type,
      'messaging.operation.name': name,
      'messaging.destination.name': subject,
      'messaging.destination.template': template,
    },
  };
}

/**
 * A subject with names in place of the words that differ from job to job. The operation stays: there are few of them, and
 * people look for them.
 */
export function templateOf(subject: string): string {
  // Each job has several spans, so this makes no list of the words.
  const rootEnd = subject.indexOf('.');
  const root = rootEnd === -1 ? subject : subject.slice(0, rootEnd);
  const { words, template } = root === 'jobs' || root === 'delayed' || root === 'due' ? ROUTED : UNROUTED;
  let end = rootEnd;
  for (let word = 0; word < words && end !== -1; word++) end = subject.indexOf('.', end + 1);
  return `${root}.${template}${end === -1 ? '' : subject.slice(end)}`;
}
