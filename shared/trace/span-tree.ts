import type { SpanRecord } from './span-record.ts';

/** A span with its place in the tree, printed as one row. */
export interface SpanRow {
  span: SpanRecord;
  /** The tree lines before the span's name, such as `│  └─ `. */
  branch: string;
  /** The tree lines before further lines about this span. */
  continuation: string;
  /** Why a span that names a parent is shown as a root. */
  orphaned?: 'parent missing' | 'loop';
}

interface Pending extends SpanRow {
  depth: number;
}

/**
 * The greatest depth that is drawn. A deeper span is drawn at this depth, with its depth as a number, so that its name
 * stays visible.
 */
const MAX_DEPTH = 8;

/**
 * Arranges the spans of one trace as rows: children below their parent, and siblings in the order of their start. Every
 * span appears exactly once. A span whose parent is missing becomes a root, and so does the earliest span of a loop.
 */
export function layOutTree(spans: readonly SpanRecord[]): SpanRow[] {
  const ordered = [...spans].sort(byStart);
  const lost = new Set(withoutParent(ordered));
  const children = Map.groupBy(ordered, (span) => span.parentSpanId);
  const rows: SpanRow[] = [];
  const placed = new Set<SpanRecord>();
  for (const span of ordered) {
    if (span.parentSpanId === undefined) place({ span, branch: '', continuation: '', depth: 0 });
    else if (lost.has(span)) place(orphan(span, 'parent missing'));
  }
  // A span that is not below any of these roots is part of a loop, or below a loop.
  for (const span of ordered) place(orphan(span, 'loop'));
  return rows;

  // This function is not recursive: a chain of thousands of spans must not overflow the stack.
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

/** The spans that name a parent which is not among them. */
export function withoutParent(spans: readonly SpanRecord[]): SpanRecord[] {
  const known = new Set(spans.map(({ spanId }) => spanId));
  return spans.filter(({ parentSpanId }) => parentSpanId !== undefined && !known.has(parentSpanId));
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

/**
 * Orders spans by their start. If two spans start at the same time, the longer one is first, because it may be the
 * parent.
 */
function byStart(left: SpanRecord, right: SpanRecord): number {
  return (
    left.startMs - right.startMs ||
    right.durationMs - left.durationMs ||
    (left.spanId < right.spanId ? -1 : Number(left.spanId > right.spanId))
  );
}
