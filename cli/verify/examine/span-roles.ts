import { ATTR, SERVICE } from '../../../shared/trace/semantics.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';

interface RoleRule {
  /** The service that makes the span. */
  readonly service: string;
  readonly kinds: readonly SpanRecord['kind'][];
  /** The values of `messaging.operation.type`; undefined: it has none. */
  readonly types?: readonly string[];
  /** Whether the span names its job. */
  readonly hasJob: boolean;
}

/**
 * The spans that a job leaves, and how each is recognized: by its service, its kind, the type of its operation and its job.
 * Names of spans are not looked at.
 */
export const ROLES = {
  request: {
    service: SERVICE.edge,
    kinds: ['SERVER'],
    hasJob: false,
  },
  send: {
    service: SERVICE.bridge,
    kinds: ['PRODUCER'],
    types: ['send', 'create'],
    hasJob: true,
  },
  process: {
    service: SERVICE.worker,
    kinds: ['CONSUMER'],
    types: ['process'],
    hasJob: true,
  },
  end: {
    service: SERVICE.worker,
    kinds: ['PRODUCER'],
    types: ['send'],
    hasJob: true,
  },
  receive: {
    service: SERVICE.bridge,
    kinds: ['CLIENT', 'CONSUMER'],
    types: ['receive'],
    hasJob: true,
  },
  callback: {
    service: SERVICE.worker,
    kinds: ['CLIENT'],
    hasJob: true,
  },
} as const satisfies Record<string, RoleRule>;

export type Role = keyof typeof ROLES;

/**
 * The spans of a role, in the order of their start.
 * @param jobId the job whose span it is, if the role has one
 */
export function spansOf(spans: readonly SpanRecord[], role: Role, jobId: string): SpanRecord[] {
  const rule: RoleRule = ROLES[role];
  return spans.filter(({ service, kind, attributes }) => {
    const type = attributes[ATTR.operationType];
    return (
      service === rule.service &&
      rule.kinds.includes(kind) &&
      (rule.types === undefined ? type === undefined : rule.types.includes(String(type))) &&
      (!rule.hasJob || attributes[ATTR.jobId] === jobId)
    );
  });
}

/** Whether a span is below another one, through spans that are all there. */
export function descendsFrom(spans: readonly SpanRecord[], span: SpanRecord, ancestorId: string): boolean {
  const { ids, lastParentId } = chainOf(spans, span);
  return lastParentId === ancestorId || ids.has(ancestorId);
}

/**
 * Goes up from a span as far as its parents are there.
 * @returns the ids on the way, the highest span that is there, and the id of the parent that it names
 */
export function chainOf(
  spans: readonly SpanRecord[],
  span: SpanRecord,
): {
  readonly ids: ReadonlySet<string>;
  readonly top: SpanRecord;
  readonly lastParentId: string | undefined;
} {
  const byId = new Map(spans.map((one) => [one.spanId, one]));
  const ids = new Set([span.spanId]);
  let top = span;
  for (;;) {
    const parent = top.parentSpanId === undefined ? undefined : byId.get(top.parentSpanId);
    if (parent === undefined || ids.has(parent.spanId)) break;
    ids.add(parent.spanId);
    top = parent;
  }
  return { ids, top, lastParentId: top.parentSpanId };
}
