import { AggregationTemporality, InstrumentType } from '@opentelemetry/sdk-metrics';

/**
 * How a reader gets the values of an instrument: totals since the start. A gauge that is read when somebody asks has only what it
 * shows now: with totals, the SDK (2.12) would show its last value for ever where there is none any more.
 */
export function temporalityOf(instrument: InstrumentType): AggregationTemporality {
  return instrument === InstrumentType.OBSERVABLE_GAUGE
    ? AggregationTemporality.DELTA
    : AggregationTemporality.CUMULATIVE;
}
