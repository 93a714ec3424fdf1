import { BROKER, SERVICE } from '../../../shared/trace/semantics.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import { type AttributeType, readSpanModel, type SpanModel, type SpanRule } from './span-model.ts';

const OURS: readonly string[] = [...Object.values(SERVICE), BROKER.service, BROKER.scope];

/**
 * Holds spans against the model of `docs/TELEMETRY.md`.
 * @returns a sentence for each fault of a span of ours, each once
 */
export function spanFaults(spans: readonly SpanRecord[], model: SpanModel = readSpanModel()): string[] {
  const known = new Map(spans.map((span) => [`${span.traceId} ${span.spanId}`, span]));
  const find = (traceId: string, spanId: string): SpanRecord | undefined => known.get(`${traceId} ${spanId}`);
  const faults = spans.flatMap((span) =>
    isForeign(span)
      ? faultsOfForeign(span)
      : faultsOf(span, model, find).map((fault) => `${label(span)}: ${fault}`),
  );
  return [...new Set(faults)];
}

/** Whether somebody else's code made the span: a library in the worker, or the author of an operation. */
function isForeign({ scope }: SpanRecord): boolean {
  return scope === undefined || !OURS.includes(scope.name);
}

/** A library's span belongs to the work of a job. A trace that begins with one has no job. */
function faultsOfForeign(span: SpanRecord): string[] {
  if (span.service !== SERVICE.worker || span.parentSpanId !== undefined) return [];
  return [`${label(span)}: it has no parent (scope ${span.scope?.name})`];
}

type Find = (traceId: string, spanId: string) => SpanRecord | undefined;

function faultsOf(span: SpanRecord, model: SpanModel, find: Find): string[] {
  const rule = ruleOf(span, model);
  if (rule === undefined) return [`no span of this name is in the table (${span.kind})`];
  const parent = span.parentSpanId === undefined ? undefined : find(span.traceId, span.parentSpanId);
  const linked = span.links.map(({ traceId, spanId }) => find(traceId, spanId));
  return [
    ...(span.kind === rule.kind ? [] : [`its kind is ${span.kind}, not ${rule.kind}`]),
    ...(rule.statuses.includes(span.status) ? [] : [`its status is ${span.status}`]),
    ...(span.durationMs < 0 ? ['it ends before it starts'] : []),
    ...parentFaults(span, rule, parent, model),
    ...(span.links.length > 0 && rule.links.length === 0 ? ['it has links'] : []),
    ...linked.flatMap((one) => relationFault('a link', one, rule.links, model)),
    ...attributeFaults(span, rule, model),
  ];
}

function parentFaults(
  span: SpanRecord,
  { parents }: SpanRule,
  parent: SpanRecord | undefined,
  model: SpanModel,
): string[] {
  if (span.parentSpanId === undefined) return parents.includes('none') ? [] : ['it has no parent'];
  return relationFault('the parent', parent, parents, model);
}

/** A span that has not arrived, or that is in another program, cannot be looked at. */
function relationFault(
  relation: string,
  span: SpanRecord | undefined,
  allowed: readonly string[],
  model: SpanModel,
): string[] {
  if (span === undefined) return [];
  return idsOf(span, model).some((id) => allowed.includes(id)) ? [] : [`${relation} is ${label(span)}`];
}

/** What a span may stand for. A worker in another language may send its events in the span of the attempt. */
function idsOf(span: SpanRecord, model: SpanModel): string[] {
  if (isForeign(span)) return span.kind === 'CONSUMER' ? ['caller', 'job.process', 'event.send'] : ['caller'];
  const id = ruleOf(span, model)?.id;
  return id === undefined ? [] : [id];
}

function attributeFaults({ attributes }: SpanRecord, rule: SpanRule, model: SpanModel): string[] {
  const allowed = [...rule.required, ...rule.optional];
  const spaces = new Set([...model.attributes.keys()].map(spaceOf));
  const isAuthors = (name: string): boolean => rule.id === 'job.process' && !spaces.has(spaceOf(name));
  return [
    ...rule.required.filter((name) => !(name in attributes)).map((name) => `${name} is missing`),
    ...Object.entries(attributes).flatMap(([name, value]) => {
      if (isAuthors(name)) return [];
      if (!allowed.includes(name)) return [`${name} (${JSON.stringify(value)}) is not in its row`];
      const type = model.attributes.get(name);
      return type !== undefined && isOfType(value, type)
        ? []
        : [`${name} is ${JSON.stringify(value)}, not ${JSON.stringify(type)}`];
    }),
  ];
}

/** The first word of an attribute's name. An author's attributes have words of their own. */
function spaceOf(name: string): string {
  return name.split('.', 1)[0] ?? '';
}

function isOfType(value: unknown, type: AttributeType): boolean {
  if (type === 'int') return Number.isInteger(value);
  if (type === 'string') return typeof value === 'string' && value !== '';
  return type === 'boolean' ? typeof value === 'boolean' : type.includes(String(value));
}

/** The row of a span. Several may have its name; one of them may have its kind too. */
function ruleOf({ service, name, kind, scope }: SpanRecord, { spans }: SpanModel): SpanRule | undefined {
  // A setting may give the service another name.
  const ours = OURS.includes(service) ? service : (scope?.name ?? '');
  const named = spans.filter((rule) => rule.services.includes(ours) && rule.name.test(name));
  return named.find((rule) => rule.kind === kind) ?? named[0];
}

function label({ service, name }: SpanRecord): string {
  return `${service} "${name}"`;
}
