import type { SpanRecord } from './span-record.ts';

/** A span at its place in the tree, printed as one row. */
export interface SpanRow {
  span: SpanRecord;
  /** The branches before the name, such as `│  └─ `. */
  branch: string;
  /** The branches before further lines about this span. */
  continuation: string;
  /** Why a span with a parent is shown as a root. */
  orphaned?: 'parent missing' | 'loop';
}

interface Pending extends SpanRow {
  depth: number;
}

/** Deeper spans are drawn at this depth, with their depth as a mark, so that their names stay visible. */
const MAX_DEPTH = 8;

/**
 * Arranges the spans of one trace as rows: children below their parent, and siblings in the order of their start. Every
 * span appears exactly once. A span whose parent is missing becomes a root, and so does the earliest span of a loop.
 */
export function layOutTree(spans: readonly SpanRecord[]): SpanRow[] {
  const ordered = [...spans].sort(byStart);
  const known = new Set(ordered.map((span) => span.spanId));
  const children = Map.groupBy(ordered, (span) => span.parentSpanId);
  const rows: SpanRow[] = [];
  const placed = new Set<SpanRecord>();
  for (const span of ordered) {
    const { parentSpanId } = span;
    if (parentSpanId === undefined) place({ span, branch: '', continuation: '', depth: 0 });
    else if (!known.has(parentSpanId)) place(orphan(span, 'parent missing'));
  }
  // A span that is not below any root so far is part of a loop, or below one.
  for (const span of ordered) place(orphan(span, 'loop'));
  return rows;

  // Not recursive: a chain of thousands of spans must not overflow the stack.
  function place(root: Pending): void {
    const stack = [root];
    for (let row = stack.pop(); row !== undefined; row = stack.pop()) {
      if (placed.has(row.span)) continue;
      placed.add(row.span);
      const { depth, ...visible } = row;
      const below = (children.get(row.span.spanId) ?? []).filter((child) => !placed.has(child));
      rows.push({ ...visible, continuation: `${row.continuation}${below.length > 0 ? '│  ' : '   '}` });
      stack.push(...below.map((child, index) => childRow(row, child, index === below.length - 1)).reverse());
    }
  }
}

function childRow(parent: Pending, span: SpanRecord, last: boolean): Pending {
  const depth = parent.depth + 1;
  if (depth > MAX_DEPTH) {
    return { span, depth, branch: `${parent.continuation}⋯${depth} `, continuation: parent.continuation };
  }
  return {
    span,
    depth,
    branch: `${parent.continuation}${last ? '└─ ' : '├─ '}`,
    continuation: `${parent.continuation}${last ? '   ' : '│  '}`,
  };
}

function orphan(span: SpanRecord, orphaned: 'parent missing' | 'loop'): Pending {
  return { span, branch: '', continuation: '', depth: 0, orphaned };
}

/** Orders spans by their start. If two start at the same time, the longer one may be the parent, so it is first. */
function byStart(left: SpanRecord, right: SpanRecord): number {
  return (
    left.startMs - right.startMs ||
    right.durationMs - left.durationMs ||
    (left.spanId < right.spanId ? -1 : Number(left.spanId > right.spanId))
  );
}
