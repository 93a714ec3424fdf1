import { ROOT_CONTEXT, SpanKind } from '@opentelemetry/api';
import { AlwaysOnSampler, SamplingDecision } from '@opentelemetry/sdk-trace-base';
import { expect, it } from 'vitest';
import { WorkSampler } from '../../../../worker-node/telemetry/work-sampler.ts';

const decisionOf = (name: unknown): SamplingDecision =>
  new WorkSampler(new AlwaysOnSampler()).shouldSample(
    ROOT_CONTEXT,
    '4bf92f3577b34da6a3ce929d0e0e4736',
    name as string,
    SpanKind.INTERNAL,
    {},
    [],
  ).decision;

it.each(['tcp.connect', 'tls.connect', 'ipc.connect', 'dns.lookup'])(
  'a connection that is a part of no work is not recorded: %s',
  (name) => expect(decisionOf(name)).toBe(SamplingDecision.NOT_RECORD),
);

// To start a span never throws, whatever an operation or a library of it gives as its name.
it.each([undefined, null, {}, 5, '', 'db.query', 'abc'])(
  'any other span is up to the sampler: %j',
  (name) => {
    expect(decisionOf(name)).toBe(SamplingDecision.RECORD_AND_SAMPLED);
  },
);
