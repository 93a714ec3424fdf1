import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { makeSpans } from '../../support/spans/make-spans.ts';
import { otlpReceiver } from '../../support/spans/otlp-receiver.ts';
import { withTestStack } from '../../support/stack.ts';

/** What a worker's spans say about where they come from, and its warnings. */
async function resourceWith(environment: Readonly<Record<string, string>>) {
  const { url, spans } = await otlpReceiver();
  const { warnings } = await makeSpans({ OTEL_EXPORTER_OTLP_ENDPOINT: url, ...environment });
  return { warnings, resource: spans[0]?.resource };
}

it('the variables are read once: blanks around a name and a comma at the end are no part of them', async () => {
  const { warnings, resource } = await resourceWith({
    OTEL_SERVICE_NAME: '  shop  ',
    OTEL_RESOURCE_ATTRIBUTES: 'team=a, tier = gold ,',
  });
  expect(warnings).toEqual([]);
  expect(resource).toMatchObject({ 'service.name': 'shop', team: 'a', tier: 'gold' });
});

it('attributes of a list that is refused are not there', async () => {
  const { warnings, resource } = await resourceWith({ OTEL_RESOURCE_ATTRIBUTES: 'team=a,tier' });
  expect(warnings).toEqual([expect.stringMatching(/^OTEL_RESOURCE_ATTRIBUTES: /)]);
  expect(resource).not.toHaveProperty('team');
});

it('what an operator says about the host and the process wins over what the worker finds out', async () => {
  const { resource } = await resourceWith({
    OTEL_RESOURCE_ATTRIBUTES: 'host.name=node-7,process.owner=shop,service.instance.id=one',
    OTEL_NODE_RESOURCE_DETECTORS: 'all',
  });
  expect(resource).toMatchObject({
    'host.name': 'node-7',
    'process.owner': 'shop',
    'service.instance.id': 'one',
    'process.pid': expect.any(Number),
  });
});

it('an SDK that was started before, as by an agent of NODE_OPTIONS, takes the spans, and the log says so', async () => {
  const agent = createRequire(import.meta.url).resolve('@opentelemetry/auto-instrumentations-node/register');
  const stack = await withTestStack({
    worker: {
      NODE_OPTIONS: `--require ${agent}`,
      OTEL_SERVICE_NAME: 'agent',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    },
  });
  const [line] = await stack.logged(({ msg }) => msg === 'setting ignored');
  expect(line?.reason).toMatch(/^another OpenTelemetry SDK was started in this process before ours/);
  const { traceId } = await stack.run('echo', 'hello');
  const spans = await stack.collector.waitForSpans(
    traceId,
    (all) => all.some(({ name }) => name.startsWith('process ')),
    60_000,
  );
  expect(spans.map(({ service }) => service)).toContain('agent');
});
