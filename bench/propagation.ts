/**
 * `node bench/propagation.ts [rounds]`: inject and extract, our propagator against those of OpenTelemetry, in one
 * process. Each round times both; they take turns at being first. The ratio compares the medians: below 1, ours is
 * faster.
 */
import { randomBytes } from 'node:crypto';
import { argv, stdout } from 'node:process';
import {
  type Context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  type TextMapPropagator,
} from '@opentelemetry/api';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  type Carrier,
  extract,
  fromRecord,
  inject,
  ThroughlinePropagator,
} from '../shared/propagation/index.ts';
import { median } from './support/measure.ts';

const ROUNDS = Number(argv[2] ?? 41);
const OPERATIONS = 20_000;

/** Carriers with different ids, as in real use. With only one id, the processor would predict its digits. */
function carriers(flags: string, rest: Carrier = {}): Carrier[] {
  return Array.from({ length: 1_000 }, () => {
    const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
    return { traceparent: `00-${traceId}-${spanId}-${flags}`, ...rest };
  });
}

const CARRIERS: Record<string, Carrier[]> = {
  'traceparent alone': carriers('01'),
  'random flag': carriers('03'),
  'small baggage': carriers('01', { baggage: 'tenant=acme,region=eu-west-1' }),
  'encoded baggage': carriers('01', { baggage: 'user=Am%C3%A9lie,node=DF%2028;ttl=3' }),
  tracestate: carriers('01', { tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,es=s:1.0' }),
};

type RoundTrip = (carrier: Carrier) => unknown;

function through(propagator: TextMapPropagator): RoundTrip {
  return (carrier) => {
    const context: Context = propagator.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter);
    const sent = {};
    propagator.inject(context, sent, defaultTextMapSetter);
    return sent;
  };
}

const theirs = through(
  new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
);
const OURS: Record<string, RoundTrip> = {
  functions: (carrier) => inject(extract(fromRecord(carrier)).context),
  propagator: through(new ThroughlinePropagator()),
};

/** Nanoseconds per round trip. */
function time(roundTrip: RoundTrip, sample: Carrier[]): number {
  const start = performance.now();
  for (let round = 0; round < OPERATIONS / sample.length; round++) {
    for (const carrier of sample) roundTrip(carrier);
  }
  return ((performance.now() - start) * 1e6) / OPERATIONS;
}

function compare(ours: RoundTrip, sample: Carrier[]): { ours: number; theirs: number } {
  const times = { ours: [] as number[], theirs: [] as number[] };
  const ways = [() => times.ours.push(time(ours, sample)), () => times.theirs.push(time(theirs, sample))];
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of round % 2 === 0 ? ways : ways.toReversed()) way();
  }
  return { ours: median(times.ours), theirs: median(times.theirs) };
}

// All paths run once before any is timed, so that V8 does not compile for the shape of one carrier only.
for (const sample of Object.values(CARRIERS)) {
  for (const roundTrip of [theirs, ...Object.values(OURS)]) time(roundTrip, sample);
}
stdout.write('carrier              way          ours ns  theirs ns  ratio\n');
for (const [name, sample] of Object.entries(CARRIERS)) {
  for (const [way, roundTrip] of Object.entries(OURS)) {
    const { ours, theirs: other } = compare(roundTrip, sample);
    const row = [
      ours.toFixed(0).padStart(7),
      other.toFixed(0).padStart(10),
      (ours / other).toFixed(2).padStart(6),
    ];
    stdout.write(`${name.padEnd(20)} ${way.padEnd(12)} ${row.join(' ')}\n`);
  }
}
