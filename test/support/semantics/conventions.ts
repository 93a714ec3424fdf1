import { readFileSync } from 'node:fs';
import * as z from 'zod';
import type { MetricDefinition } from '../../../shared/trace/metric.ts';
import { readRows } from '../spans/span-model.ts';

const FILE = 'test/vectors/semconv/conventions.json';
const PAGE = 'docs/TELEMETRY.md';
const OWN = 'throughline.';

const Named = z.object({ deprecated: z.string().optional() });
/** The names of one release of OpenTelemetry's semantic conventions; test/vectors/semconv/make.py writes the file. */
const Conventions = z.object({
  version: z.string(),
  attributes: z.record(z.string(), Named.extend({ type: z.string() })),
  metrics: z.record(z.string(), Named.extend({ instrument: z.string(), unit: z.string() })),
});

/** A metric as it was sent, or as we define it. */
export type SeenMetric = Pick<MetricDefinition, 'name' | 'unit'> & { readonly instrument: string };

/** Tells which names of attributes and metrics OpenTelemetry's semantic conventions know, and of which types they are. */
export class ConventionCheck {
  readonly #known = Conventions.parse(JSON.parse(readFileSync(FILE, 'utf8')));
  readonly #exceptions: ReadonlySet<string>;

  /** @param page the page with the table of names that no convention has, each with its reason */
  constructor(page = readFileSync(PAGE, 'utf8')) {
    const rows = readRows(page, '## Names outside the conventions');
    this.#exceptions = new Set(rows.map(([name = '']) => name.replaceAll('`', '')));
  }

  /** The release, such as `1.44.0`. */
  get version(): string {
    return this.#known.version;
  }

  /** The names that are excepted. */
  get exceptions(): ReadonlySet<string> {
    return this.#exceptions;
  }

  /**
   * What is wrong with an attribute; undefined: nothing.
   * @param type `string`, `int`, `double`, `boolean`, or one of these with `[]`
   */
  attribute(name: string, type: string): string | undefined {
    if (this.#exceptions.has(name) || name.startsWith(OWN)) return undefined;
    const known = this.#known.attributes[name] ?? this.#templateOf(name);
    if (known === undefined) return `no convention has the attribute ${name}`;
    if (known.deprecated !== undefined) return `the attribute ${name} is deprecated: ${known.deprecated}`;
    const wanted = known.type.replace(/^template\[(.*)\]$/, '$1');
    return fits(type, wanted) ? undefined : `the attribute ${name} is of type ${type}, not ${wanted}`;
  }

  /**
   * What is wrong with a metric; undefined: nothing.
   * @param metric its instrument is `counter`, `updowncounter`, `gauge` or `histogram`
   */
  metric({ name, instrument, unit }: SeenMetric): string | undefined {
    if (this.#exceptions.has(name) || name.startsWith(OWN)) return undefined;
    const known = this.#known.metrics[name];
    if (known === undefined) return `no convention has the metric ${name}`;
    if (known.deprecated !== undefined) return `the metric ${name} is deprecated: ${known.deprecated}`;
    if (known.unit !== unit) return `the unit of ${name} is ${unit}, not ${known.unit}`;
    if (known.instrument === instrument) return undefined;
    return `the metric ${name} is a ${instrument}, not a ${known.instrument}`;
  }

  /** What is wrong with an attribute of a metric. Metrics of our own may have words of their own. */
  label(metric: string, name: string, type: string): string | undefined {
    return metric.startsWith(OWN) ? this.field(name, type) : this.attribute(name, type);
  }

  /** What is wrong with a field of a log line. It may be a word of our own, if no convention has that word. */
  field(name: string, type: string): string | undefined {
    const isOwn = /^[a-z_]+$/.test(name) && this.#known.attributes[name] === undefined;
    return isOwn ? undefined : this.attribute(name, type);
  }

  /** Some attributes end with a word of the application, such as `http.request.header.<name>`. */
  #templateOf(name: string) {
    const found = Object.entries(this.#known.attributes).find(
      ([known, { type }]) => type.startsWith('template[') && name.startsWith(`${known}.`),
    );
    return found?.[1];
  }
}

/** A number without a fraction may be sent as an int where a double is wanted. */
function fits(type: string, wanted: string): boolean {
  return wanted === 'any' || type === wanted || (wanted === 'double' && type === 'int');
}
