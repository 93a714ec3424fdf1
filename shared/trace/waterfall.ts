import { escapeControls } from '../text/terminal/escape-controls.ts';
import { displayWidth, pad, truncate } from '../text/terminal/terminal-text.ts';
import { ATTR, SERVICE, WORKER_ATTR } from './semantics.ts';
import { shortName } from './short-name.ts';
import type { SpanRecord } from './span-record.ts';
import { layOutTree, type SpanRow } from './span-tree.ts';

interface WaterfallOptions {
  /** Whether the output may contain ANSI colours. */
  color: boolean;
  /** The width of the terminal in columns; 100 by default. */
  width?: number;
}

const GAP = '  ';
const KIND_WIDTH = 8;
const TIME_WIDTH = 9;
const MIN_BAR_WIDTH = 10;
const MAX_BAR_WIDTH = 40;
const MIN_NAME_WIDTH = 16;
/** Our own services fit. Longer names are cut. */
const MAX_SERVICE_WIDTH = Math.max(...Object.values(SERVICE).map((name) => name.length));

/** Where a job waited, by the span attribute that holds the waiting time. */
const WAITS: Readonly<Record<string, string>> = {
  [ATTR.outboxTimeMs]: 'in the outbox',
  [WORKER_ATTR.queueTimeMs]: 'in the queue',
};

/** The widths of the columns of one trace, and the start and the duration of the trace. */
interface Layout {
  startMs: number;
  totalMs: number;
  serviceWidth: number;
  nameWidth: number;
  /** The width of the bars; 0 if there is no room for bars. */
  barWidth: number;
  width: number;
  paint: Paint;
}

/**
 * Draws spans as trees, one tree for each trace. Rows are in the order of the spans' starts, with offsets, durations
 * and bars. Text from spans is escaped, so that it cannot control the terminal.
 */
export function renderWaterfall(spans: readonly SpanRecord[], options: WaterfallOptions): string {
  if (spans.length === 0) return 'no spans';
  const { color, width = 100 } = options;
  const paint = color ? colored : plain;
  const traces = Map.groupBy(spans, (span) => span.traceId);
  return [...traces.values()].map((trace) => renderTrace(trace, width, paint)).join('\n\n');
}

function renderTrace(spans: readonly SpanRecord[], width: number, paint: Paint): string {
  const rows = layOutTree(spans);
  const layout = layOut(rows, width, paint);
  const lines = rows.flatMap((row) => [renderRow(row, layout), ...renderNotes(row, layout)]);
  return [renderTitle(spans, layout), renderHeader(layout), ...lines]
    .map((line) => line.trimEnd())
    .join('\n');
}

function layOut(rows: readonly SpanRow[], width: number, paint: Paint): Layout {
  const startMs = -largest(rows, ({ span }) => -span.startMs);
  const endMs = largest(rows, ({ span }) => span.startMs + span.durationMs);
  const longestService = largest(rows, ({ span }) => displayWidth(escapeControls(span.service)));
  const longestName = largest(rows, (row) => displayWidth(nameOf(row)));
  const serviceWidth = Math.min(Math.max(longestService, 'service'.length), MAX_SERVICE_WIDTH);
  const fixed = serviceWidth + KIND_WIDTH + 2 * TIME_WIDTH + 4 * GAP.length;
  const forName = width - fixed - MIN_BAR_WIDTH - GAP.length;
  const nameWidth = Math.max(MIN_NAME_WIDTH, Math.min(longestName, forName));
  const left = width - fixed - nameWidth - GAP.length;
  return {
    startMs,
    totalMs: endMs - startMs,
    serviceWidth,
    nameWidth,
    barWidth: left < MIN_BAR_WIDTH ? 0 : Math.min(left, MAX_BAR_WIDTH),
    width,
    paint,
  };
}

function renderTitle(spans: readonly SpanRecord[], { totalMs, paint }: Layout): string {
  const errors = spans.filter((span) => span.status === 'ERROR').length;
  const services = new Set(spans.map((span) => span.service)).size;
  const parts = [
    `trace ${escapeControls(spans[0]?.traceId ?? '')}`,
    count(spans.length, 'span'),
    count(services, 'service'),
    formatMs(totalMs),
    ...(errors === 0 ? [] : [paint.error(count(errors, 'error'))]),
  ];
  return parts.join(' · ');
}

function renderHeader({ serviceWidth, nameWidth, paint }: Layout): string {
  const columns = [
    pad('service', serviceWidth),
    pad('span', nameWidth),
    pad('kind', KIND_WIDTH),
    'start'.padStart(TIME_WIDTH),
    'time'.padStart(TIME_WIDTH),
  ];
  return paint.dim(columns.join(GAP));
}

function renderRow(row: SpanRow, layout: Layout): string {
  const { span } = row;
  const { serviceWidth, nameWidth, startMs, paint } = layout;
  const service = pad(escapeControls(span.service), serviceWidth);
  const name = pad(nameOf(row), nameWidth);
  const columns = [
    paint.service(service, span.service),
    span.status === 'ERROR' ? paint.error(name) : name,
    paint.dim(pad(span.kind.toLowerCase(), KIND_WIDTH)),
    `+${formatMs(span.startMs - startMs)}`.padStart(TIME_WIDTH),
    formatMs(span.durationMs).padStart(TIME_WIDTH),
    renderBar(span, layout),
  ];
  return columns.join(GAP);
}

/** Draws a bar that shows when the span ran within its trace. The bar is at least one cell long. */
function renderBar(span: SpanRecord, { startMs, totalMs, barWidth, paint }: Layout): string {
  if (barWidth === 0) return '';
  const cells = (ms: number): number => (totalMs > 0 ? Math.round((ms / totalMs) * barWidth) : 0);
  const start = Math.min(cells(span.startMs - startMs), barWidth - 1);
  const length = Math.min(Math.max(cells(span.durationMs), 1), barWidth - start);
  const bar = '█'.repeat(length);
  return ' '.repeat(start) + (span.status === 'ERROR' ? paint.error(bar) : paint.service(bar, span.service));
}

/**
 * Writes further lines below a span's name: why the span is a root, how long the job waited, the span's error and its
 * links.
 */
function renderNotes(row: SpanRow, { serviceWidth, width, paint }: Layout): string[] {
  const { span } = row;
  const indent = ' '.repeat(serviceWidth) + GAP + row.continuation;
  const room = Math.max(MIN_NAME_WIDTH, width - displayWidth(indent));
  const line = (note: string): string => truncate(escapeControls(note), room);
  const parent = span.parentSpanId ?? '';
  return [
    ...(row.orphaned === 'parent missing' ? [paint.dim(line(`(parent ${parent} not here)`))] : []),
    ...(row.orphaned === 'loop' ? [paint.dim(line(`(parent ${parent} makes a loop)`))] : []),
    ...waits(span).map((wait) => paint.wait(line(wait))),
    ...(span.status === 'ERROR' ? [paint.error(line(`✗ ${span.statusMessage ?? 'error'}`))] : []),
    ...linksOf(span).map((link) => paint.dim(line(describeLink(link, span)))),
  ].map((note) => indent + note);
}

function waits(span: SpanRecord): string[] {
  if (Number(span.attributes[ATTR.jobAttempt]) > 1) return pauseBefore(span);
  return Object.entries(WAITS).flatMap(([attribute, where]) => {
    const ms = Number(span.attributes[attribute] ?? 0);
    return ms > 0 ? [`waited ${timeOf(ms)} ${where}`] : [];
  });
}

/** A later attempt comes after a pause, or after a host that died. Its job may have been in the queue for some of that time. */
function pauseBefore(span: SpanRecord): string[] {
  const ms = Number(span.attributes[WORKER_ATTR.queueTimeMs] ?? 0);
  return ms > 0 ? [`${timeOf(ms)} after the last event of the attempt before`] : [];
}

function timeOf(ms: number): string {
  return formatMs(ms).replace('.0 ', ' ');
}

/** The link to the parent says nothing that the tree does not show. */
function linksOf({ traceId, parentSpanId, links }: SpanRecord): SpanRecord['links'] {
  return links.filter((link) => link.traceId !== traceId || link.spanId !== parentSpanId);
}

function describeLink(link: SpanRecord['links'][number], span: SpanRecord): string {
  return link.traceId === span.traceId
    ? `↪ span ${link.spanId}`
    : `↪ trace ${link.traceId} span ${link.spanId}`;
}

function nameOf({ span, branch }: SpanRow): string {
  return branch + (span.status === 'ERROR' ? '✗ ' : '') + escapeControls(shortName(span));
}

/**
 * Returns the largest measure. `Math.max` would not do: a function cannot take as many arguments as there may be spans.
 */
function largest(rows: readonly SpanRow[], measure: (row: SpanRow) => number): number {
  return rows.reduce((most, row) => Math.max(most, measure(row)), Number.NEGATIVE_INFINITY);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Formats a duration in a few characters, in the unit that fits. */
function formatMs(ms: number): string {
  const size = Math.abs(ms);
  if (size < 999.95) return `${ms.toFixed(1)} ms`;
  if (size < 59_995) return `${(ms / 1_000).toFixed(2)} s`;
  const seconds = Math.round(size / 1_000);
  const sign = ms < 0 ? '-' : '';
  if (seconds < 3_600) return `${sign}${Math.trunc(seconds / 60)}m ${seconds % 60}s`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}

/** Colours parts of the output, or leaves them as they are. */
interface Paint {
  dim(text: string): string;
  error(text: string): string;
  wait(text: string): string;
  /** Colours the name of a service. A service has the same colour everywhere. */
  service(text: string, service: string): string;
}

const SERVICE_COLORS = [36, 35, 34, 32, 96, 95];

const ansi = (code: number, text: string): string => (text === '' ? '' : `\u001b[${code}m${text}\u001b[0m`);

const colored: Paint = {
  dim: (text) => ansi(2, text),
  error: (text) => ansi(31, text),
  wait: (text) => ansi(33, text),
  service: (text, service) => ansi(colorOf(service), text),
};

const plain: Paint = {
  dim: (text) => text,
  error: (text) => text,
  wait: (text) => text,
  service: (text) => text,
};

function colorOf(service: string): number {
  let sum = 0;
  for (const character of service) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 9_973;
  return SERVICE_COLORS[sum % SERVICE_COLORS.length] ?? 36;
}
