import type { Attributes } from '@opentelemetry/api';
import { ATTR, MESSAGING_SYSTEM } from '../../shared/trace/semantics.ts';
import { BROKER_ATTR } from './attributes.ts';
import { subjectTemplate } from './subject-template.ts';
import type { TraceStep } from './trace-event.ts';

/** Kinds of connections, by the numbers of nats-server. */
const CONNECTIONS = ['client', 'router', 'gateway', 'system', 'leaf', 'jetstream', 'account'] as const;

/** Texts of nats-server about what it refused by a rule of the message itself: that is no error of the server. */
const REFUSALS: readonly (readonly [text: RegExp, refusal: string])[] = [
  [/^msgid is duplicate/, 'duplicate'],
  [/^(?:wrong )?last (?:sequence|msgid)/, 'wrong-last-message'],
  [/because of no echo$/, 'no-echo'],
];

/** What a span of a step says. */
export interface StepText {
  readonly name: string;
  readonly attributes: Attributes;
  /** What went wrong, in the words of the server. */
  readonly error: string | undefined;
}

/** The word for a kind of connection. */
export function connectionKind(kind: number): string {
  return CONNECTIONS[kind] ?? 'other';
}

/** What the span of a step is called, and what it says. */
export function stepText(step: TraceStep): StepText {
  if (step.type === 'js')
    return withFault(`store ${step.stream}`, { [BROKER_ATTR.stream]: step.stream }, step);
  if (step.type === 'eg') return egressText(step);
  const mapping = step.type === 'sm' ? 'mapping' : step.type === 'si' ? 'import' : 'export';
  const attributes = {
    [ATTR.destinationName]: step.to,
    [ATTR.destinationTemplate]: subjectTemplate(step.to),
    [BROKER_ATTR.mapping]: mapping,
    ...('acc' in step ? { [BROKER_ATTR.account]: step.acc } : {}),
  };
  return withFault(`map ${subjectTemplate(step.to)}`, attributes, {});
}

function egressText(step: TraceStep & { readonly type: 'eg' }): StepText {
  const kind = connectionKind(step.kind);
  const attributes = {
    [BROKER_ATTR.connection]: kind,
    ...(step.name ? { [BROKER_ATTR.connectionName]: step.name } : {}),
    ...(step.sub ? { [BROKER_ATTR.subscription]: step.sub } : {}),
    ...(step.hop ? { [BROKER_ATTR.hop]: step.hop } : {}),
  };
  return withFault(`egress ${kind}`, attributes, step);
}

/** Adds what the server says about a fault. @param error in the words of the server */
export function withFault(
  name: string,
  attributes: Attributes,
  { error }: { readonly error?: string | undefined },
): StepText {
  const common = { [ATTR.messagingSystem]: MESSAGING_SYSTEM, ...attributes };
  if (error === undefined) return { name, attributes: common, error: undefined };
  const refusal = REFUSALS.find(([text]) => text.test(error))?.[1];
  if (refusal === undefined) return { name, attributes: { ...common, [ATTR.errorType]: '_OTHER' }, error };
  return { name, attributes: { ...common, [BROKER_ATTR.refusal]: refusal }, error: undefined };
}
