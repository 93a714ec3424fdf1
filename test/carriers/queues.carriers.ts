/** The recipes of docs/CARRIERS.md, with real brokers between programs that OpenTelemetry's own instrumentations trace. */
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SpanRecord } from '../../shared/trace/span-record.ts';
import { needPrograms } from '../generators/toolbox.ts';
import { until } from '../support/poll.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { startKafka, startRabbitmq } from './support/brokers.ts';
import { runPeer, servicesUp, startProgram, traced } from './support/programs.ts';
import { readersFolder } from './support/tools.ts';

const PAGE = 'docs/CARRIERS.md';

let folder: string;
beforeAll(async () => {
  folder = await readersFolder(PAGE);
});

/** A system with the operations of the page. */
const startSystem = (settings: Readonly<Record<string, string>>): Promise<TestStack> =>
  startTestStack({ operationsFolder: path.join(folder, 'operations'), worker: settings });

const isEntry = ({ service, kind }: SpanRecord): boolean => service === 'mail' && kind === 'CONSUMER';

/** Waits until the last program's span has arrived. @returns the services from there to the root of its trace */
async function wayOf(stack: TestStack): Promise<string[]> {
  const find = () => stack.collector.allSpans().find(isEntry);
  const last = await until('the span of the last program', find, 30_000);
  const spans = await stack.collector.waitForSpans(
    last.traceId,
    (all) => servicesUp(all, last).at(-1) === 'shop',
    30_000,
  );
  return servicesUp(spans, last);
}

const WHOLE = ['mail', 'throughline-worker', 'throughline-bridge', 'throughline-edge', 'shop'];

describe('a trace', () => {
  it('goes from Kafka into Throughline and out again', async ({ skip }) => {
    await needPrograms({ needs: ['java', 'mvn'] }, skip);
    const settings = { KAFKA: await startKafka() };
    const stack = await startSystem(settings);
    const caller = { ...settings, THROUGHLINE_URL: stack.url, THROUGHLINE_API_KEY: stack.apiKey };
    await runPeer(folder, 'kafka-topics', settings);
    await startProgram(process.execPath, ['kafka/into-throughline.ts'], folder, caller);
    await runPeer(folder, 'kafka-producer', { ...settings, ...traced(stack, 'shop') });
    const printed = await runPeer(folder, 'kafka-consumer', { ...settings, ...traced(stack, 'mail') });
    expect(printed).toContain('{"order":7}');
    expect(await wayOf(stack)).toEqual(WHOLE);
  });

  it('goes from RabbitMQ into Throughline and out again', async ({ skip }) => {
    await needPrograms({ needs: ['apt-get', 'dpkg-deb'] }, skip);
    const settings = { RABBITMQ: await startRabbitmq() };
    // Here the operation's own carrier is the only one.
    const stack = await startSystem({ ...settings, OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'amqplib' });
    const caller = { ...settings, THROUGHLINE_URL: stack.url, THROUGHLINE_API_KEY: stack.apiKey };
    await startProgram(process.execPath, ['rabbitmq/into-throughline.ts'], folder, caller);
    await runPeer(folder, 'amqp-producer', { ...settings, ...traced(stack, 'shop') });
    const printed = await runPeer(folder, 'amqp-consumer', { ...settings, ...traced(stack, 'mail') });
    expect(printed).toContain('{"invoice":7}');
    expect(await wayOf(stack)).toEqual(WHOLE);
  });
});
