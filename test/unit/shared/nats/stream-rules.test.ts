import { describe, expect, it } from 'vitest';
import { CONSUMER_RULES, consumerFindings } from '../../../../shared/nats/consumers/consumer-rules.ts';
import { findingText, fixText } from '../../../../shared/nats/finding.ts';
import type { StoreCaps } from '../../../../shared/nats/store-caps.ts';
import { STREAM_RULES, streamFindings } from '../../../../shared/nats/stream-rules.ts';
import {
  consumerDefinition,
  type StreamDefinition,
  streamDefinitions,
} from '../../../../shared/nats/streams.ts';
import { BAD_CONSUMERS, BAD_STREAMS } from '../../../support/nats/bad-settings.ts';

const CAPS = { jobs: 1_000_000, delayed: 1_000_000, tenant: 1_000_000 };
const DEFINITIONS = streamDefinitions(3, true, CAPS);
const GROUP = { name: 'workers', filters: ['jobs.>'], ackWaitMs: 30_000, maxAckPending: 1_000 };

function definitionOf(name: string): StreamDefinition {
  const found = DEFINITIONS.find((definition) => definition.name === name);
  if (found === undefined) throw new Error(`there is no stream ${name}`);
  return found;
}

describe('the rules of a stream', () => {
  it.each(DEFINITIONS)('accept $name as it is defined', (definition) => {
    expect(streamFindings({ ...definition }, definition)).toEqual([]);
  });

  it.each(DEFINITIONS)(
    'accept $name with what the server adds, and with more than is needed',
    (definition) => {
      const added = { max_msgs: -1, max_bytes: -1, max_msg_size: -1, max_consumers: -1, compression: 's2' };
      const more = { num_replicas: 5, duplicate_window: 600e9, republish: { src: '>', dest: 'copy.>' } };
      const metadata = { ...definition.metadata, '_nats.level': '1' };
      const found = { ...added, ...definition, ...more, metadata, placement: {} };
      expect(streamFindings(found, definition)).toEqual([]);
    },
  );

  it.each(BAD_STREAMS)('name $setting of $stream, as $config', ({ stream, setting, config, weakens }) => {
    const definition = definitionOf(stream);
    const findings = streamFindings({ ...definition, ...config }, definition);
    const found = findings.find((finding) => finding.setting === setting);
    expect(found).toMatchObject({ of: `stream ${stream}`, level: weakens ? 'weakens' : 'breaks' });
    if (found === undefined) return;
    expect(findingText(found)).toMatch(
      new RegExp(`^stream ${stream}: ${setting} is .+, but must be .+: .+$`),
    );
    expect(fixText(found)).toMatch(/setup|edit|cannot change/);
  });

  it('are each broken by a stream in this test', () => {
    const tried = ({ setting, streams }: (typeof STREAM_RULES)[number]): boolean =>
      BAD_STREAMS.some((bad) => bad.setting === setting && (streams?.includes(bad.stream) ?? true));
    expect(STREAM_RULES.filter((rule) => !tried(rule))).toEqual([]);
  });

  it('list settings that break a promise before those that weaken one', () => {
    const definition = definitionOf('EVENTS');
    const findings = streamFindings({ ...definition, max_msgs: 1, no_ack: true }, definition);
    expect(findings.map(({ setting }) => setting)).toEqual(['no_ack', 'max_msgs']);
  });

  it('accept the queue of a server that cannot delay jobs, even if the queue was made for a server that can', () => {
    const [jobs] = streamDefinitions(1, false, CAPS);
    expect(jobs?.name).toBe('JOBS');
    if (jobs === undefined) return;
    expect(streamFindings({ ...jobs }, jobs)).toEqual([]);
    const { sources } = streamDefinitions(1, true).find(({ name }) => name === 'JOBS') ?? {};
    expect(sources).toHaveLength(1);
    expect(streamFindings({ ...jobs, sources }, jobs)).toEqual([]);
  });
});

describe('the caps of waiting jobs', () => {
  const UNKNOWN = streamDefinitions(1, true);

  it('are missed where nobody knows how large the store is, and then any cap will do', () => {
    for (const definition of UNKNOWN.slice(0, 2)) {
      const [found, ...others] = streamFindings({ ...definition }, definition);
      expect(others).toEqual([]);
      expect(found).toMatchObject({ level: 'weakens', fix: 'size' });
      expect(found && fixText(found)).toBe(
        '`throughline setup` with STREAM_STORE_BYTES, the max_file_store of nats-server in bytes, fixes it',
      );
      const capped = DEFINITIONS.find(({ name }) => name === definition.name);
      expect(streamFindings({ ...capped }, definition)).toEqual([]);
    }
  });

  it('are those of the settings, and setup corrects others', () => {
    for (const definition of streamDefinitions(3, true, { jobs: 5, delayed: 6 }).slice(0, 2)) {
      const capped = DEFINITIONS.find(({ name }) => name === definition.name);
      expect(streamFindings({ ...capped }, definition)).toMatchObject([{ level: 'weakens', fix: 'setup' }]);
    }
  });
});

describe('the share of one tenant', () => {
  const eventsOf = (caps: StoreCaps) =>
    streamDefinitions(1, true, caps).filter(({ name }) => name === 'EVENTS') as [StreamDefinition];

  it('may be any, or missing, where nobody knows how large the store is', () => {
    const [unknown] = eventsOf({});
    for (const [events] of [eventsOf({ tenant: 5 }), eventsOf({})])
      expect(streamFindings({ ...events }, unknown)).toEqual([]);
  });

  it('is that of the store, and setup corrects another one, or none', () => {
    const [wanted] = eventsOf({ tenant: 5 });
    expect(streamFindings({ ...wanted, metadata: { ...wanted.metadata, other: 'x' } }, wanted)).toEqual([]);
    for (const [events] of [eventsOf({ tenant: 6 }), eventsOf({})])
      expect(streamFindings({ ...events }, wanted)).toMatchObject([
        { setting: 'metadata', level: 'weakens', fix: 'setup' },
      ]);
  });
});

describe('the rules of a consumer', () => {
  const definition = consumerDefinition(GROUP);

  it('accept it as it is defined, and with other limits', () => {
    const added = {
      replay_policy: 'instant',
      num_replicas: 0,
      max_waiting: 512,
      ack_wait: 1,
      max_ack_pending: 1,
    };
    expect(consumerFindings({ ...definition, ...added }, definition, 'JOBS')).toEqual([]);
  });

  it.each(BAD_CONSUMERS)('name $setting', ({ setting, config }) => {
    const findings = consumerFindings({ ...definition, ...config }, definition, 'JOBS');
    expect(findings.map((finding) => finding.setting)).toContain(setting);
  });

  it('are each broken by a consumer in this test', () => {
    const tried = BAD_CONSUMERS.map(({ setting }) => setting);
    expect(
      CONSUMER_RULES.map(({ setting }) => setting).filter((setting) => !tried.includes(setting)),
    ).toEqual([]);
  });
});
