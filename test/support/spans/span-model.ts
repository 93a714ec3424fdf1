import { readFileSync } from 'node:fs';
import { BROKER } from '../../../shared/trace/semantics.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';

/** The page that says which spans there are. */
const PAGE = 'docs/TELEMETRY.md';

/** What every span about a message has: the page writes `MESSAGE`. */
const MESSAGE = [
  'messaging.system',
  'messaging.operation.type',
  'messaging.operation.name',
  'messaging.destination.name',
  'messaging.destination.template',
];

/** What spans of nats-server may have, if something went wrong there: the page writes `BROKER`. */
const BROKER_FAULT = ['messaging.system', 'error.type?', 'throughline.broker.refusal?'];

/** What stands for other attributes in the page. */
const GROUPS: Readonly<Record<string, readonly string[]>> = { MESSAGE, BROKER: BROKER_FAULT };

/** The type of an attribute's value. An `enum` names its values. */
export type AttributeType = 'string' | 'int' | 'boolean' | readonly string[];

/** One kind of span, as a row of the page says. */
export interface SpanRule {
  /** What other rows call it. */
  readonly id: string;
  /** The services that make it. */
  readonly services: readonly string[];
  readonly name: RegExp;
  readonly kind: SpanRecord['kind'];
  /** The ids of the rows that its parent may be of; `none`: it may be a root, `caller`: another program's span. */
  readonly parents: readonly string[];
  /** The same for its links. Empty: it has no links. */
  readonly links: readonly string[];
  /** Attributes that it must have, and that it may have. */
  readonly required: readonly string[];
  readonly optional: readonly string[];
  readonly statuses: readonly SpanRecord['status'][];
}

export interface SpanModel {
  readonly spans: readonly SpanRule[];
  readonly attributes: ReadonlyMap<string, AttributeType>;
}

/** Reads the tables of the page. @throws Error naming a row that cannot be read */
export function readSpanModel(page = readFileSync(PAGE, 'utf8')): SpanModel {
  const attributes = new Map(
    readRows(page, '## Attributes').map(([name, type]) => [codeOf(name), typeOf(type)]),
  );
  const spans = readRows(page, '## Spans').map(spanRule);
  for (const { id, required, optional } of spans)
    for (const name of [...required, ...optional])
      if (!attributes.has(name))
        throw new Error(`${PAGE}: ${id} has ${name}, which the attributes do not have`);
  return { spans, attributes };
}

/** The cells of the rows of the first table under a heading. @throws Error if the page does not have the heading */
export function readRows(page: string, heading: string): string[][] {
  const [, section] = page.split(`\n${heading}\n`);
  if (section === undefined) throw new Error(`${PAGE} has no heading ${heading}`);
  const lines = section.split('\n');
  const first = lines.findIndex((line) => line.startsWith('|'));
  const table = lines.slice(first + 2);
  const end = table.findIndex((line) => !line.startsWith('|'));
  return table.slice(0, end).map((line) =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replaceAll('\\|', '|')),
  );
}

function spanRule(cells: readonly string[]): SpanRule {
  const [id, service, name, kind, parents, links, attributes, statuses] = cells;
  const names = listOf(attributes).flatMap((name) => GROUPS[name] ?? [name]);
  return {
    id: codeOf(id),
    services: listOf(service).map((name) => (name === BROKER.service ? name : `throughline-${name}`)),
    name: patternOf(codeOf(name)),
    kind: kind as SpanRule['kind'],
    parents: listOf(parents),
    links: listOf(links),
    required: names.filter((one) => !one.endsWith('?')),
    optional: names.filter((one) => one.endsWith('?')).map((one) => one.slice(0, -1)),
    statuses: listOf(statuses) as SpanRule['statuses'],
  };
}

/** `<…>` stands for one word or more, and `{…}` for itself. */
function patternOf(name: string): RegExp {
  const parts = name.split(/<[^>]*>/).map((part) => part.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'));
  return new RegExp(`^${parts.join('.+')}$`);
}

function listOf(cell = ''): string[] {
  return cell === '–'
    ? []
    : cell
        .split(',')
        .map(codeOf)
        .filter((word) => word !== '');
}

function typeOf(cell = ''): AttributeType {
  const [kind, ...values] = cell.split(/[:,] ?/).map(codeOf);
  return kind === 'enum' ? values : (kind as AttributeType);
}

function codeOf(cell = ''): string {
  return cell.trim().replaceAll('`', '');
}
