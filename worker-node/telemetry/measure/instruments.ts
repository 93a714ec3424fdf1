import type { Attributes, BatchObservableResult, Counter, Meter, Observable } from '@opentelemetry/api';
import type { MetricDefinition } from '../../../shared/trace/metric.ts';

/** What a gauge shows: values with their attributes. */
export type Reading = Iterable<readonly [value: number, attributes?: Attributes]>;

/** The values that the attributes of this process may have, by name. */
type KnownValues = Readonly<Record<string, readonly string[]>>;

/** Makes instruments from definitions. */
export class Instruments {
  readonly #meter: Meter;
  readonly #known: KnownValues;
  #beforeReading: () => void = () => undefined;

  /** @param known the values of the attributes whose values a definition leaves open, such as the operations of this host */
  constructor(meter: Meter, known: KnownValues) {
    this.#meter = meter;
    this.#known = known;
  }

  /** Calls `action` before the counters are read. Some gauge has to be there: the SDK reads gauges first, and then counters. */
  beforeReading(action: () => void): void {
    this.#beforeReading = action;
  }

  /** A counter that starts at 0 for each combination of the values that are known. */
  counter(definition: MetricDefinition): Counter {
    const counter = this.#meter.createCounter(definition.name, optionsOf(definition));
    for (const attributes of definition.starts ?? this.#combinations(definition)) counter.add(0, attributes);
    return counter;
  }

  /**
   * Gauges that are read together when somebody asks for the metrics.
   * @param read gives the reading of each gauge; undefined: nothing is known, and the gauge is left out
   */
  gauges<Name extends string>(
    definitions: Readonly<Record<Name, MetricDefinition>>,
    read: () => Readings<Name> | Promise<Readings<Name>>,
  ): void {
    const gauges = new Map(
      Object.entries<MetricDefinition>(definitions).map(([key, definition]) => [
        key,
        this.#gauge(definition),
      ]),
    );
    this.#meter.addBatchObservableCallback(
      async (result) => {
        this.#beforeReading();
        observe(result, gauges, await read());
      },
      [...gauges.values()],
    );
  }

  #gauge(definition: MetricDefinition): Observable {
    const options = optionsOf(definition);
    return definition.instrument === 'updowncounter'
      ? this.#meter.createObservableUpDownCounter(definition.name, options)
      : this.#meter.createObservableGauge(definition.name, options);
  }

  /**
   * All combinations of values; none if the values of an attribute are not known before. `error.type` and `tenant` are left
   * out: most counts have neither.
   */
  #combinations({ attributes }: MetricDefinition): Attributes[] {
    return Object.entries(attributes).reduce<Attributes[]>(
      (all, [name, values]) => {
        if (name === 'error.type' || name === 'tenant') return all;
        const known = 'bounded' in values ? (this.#known[name] ?? []) : values;
        return all.flatMap((one) => known.map((value) => ({ ...one, [name]: value })));
      },
      [{}],
    );
  }
}

/** The readings of some gauges. */
export type Readings<Name extends string> = Readonly<Partial<Record<Name, Reading | undefined>>>;

function observe(
  result: BatchObservableResult,
  gauges: ReadonlyMap<string, Observable>,
  readings: Readings<string>,
): void {
  for (const [key, gauge] of gauges)
    for (const [value, attributes = {}] of readings[key] ?? []) result.observe(gauge, value, attributes);
}

function optionsOf({ description, unit }: MetricDefinition): { description: string; unit: string } {
  return { description, unit };
}
