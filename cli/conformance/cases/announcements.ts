/** What the worker says about itself, and how it takes jobs. */
import type { ConsumerInfo } from '@nats-io/jetstream';
import { HostAnnouncement } from '../../../shared/api/host-announcement.ts';
import { OperationAnnouncement } from '../../../shared/api/operation.ts';
import { filtersOf, HOST_SUBJECTS, HOSTS_STREAM, OPERATIONS_STREAM } from '../../../shared/nats/streams.ts';
import { parseJson } from '../../../shared/text/json/parse-json.ts';
import { schemaFaults } from '../../../shared/text/schema-faults.ts';
import { filtersOverlap } from '../../../shared/wire/subjects.ts';
import { lastMessage, lastMessages } from '../../../worker-node/broker/last-message.ts';
import type { Bench } from '../bench.ts';
import { CONFORMANCE_GROUP, OPERATIONS } from '../group.ts';
import type { WorkerCase } from './case.ts';

const LOOK_MS = 200;

export const ANNOUNCEMENT_CASES: readonly WorkerCase[] = [
  {
    name: 'announced-host',
    what: 'the worker is in the bucket HOSTS, with its operations',
    sentences: ['announce-host'],
    run: async ({ parts, findings, soonMs }) => {
      const found = await hostOf(parts, soonMs);
      findings.need(
        'announce-host',
        found !== undefined,
        `no value of HOSTS has the host ${parts.worker.name}`,
      );
      const { data, error } = HostAnnouncement.safeParse(found);
      const faults = error && schemaFaults(error);
      findings.check('announce-host', error === undefined, `the value cannot be read: ${faults}`);
      const missing = OPERATIONS.filter((name) => !data?.operations.includes(name));
      findings.check('announce-host', missing.length === 0, `it does not name ${missing.join(', ')}`);
      const isOurGroup = data?.group === CONFORMANCE_GROUP;
      findings.check('announce-host', isOurGroup, `the group is ${data?.group}, not ${CONFORMANCE_GROUP}`);
    },
  },
  {
    name: 'announced-operations',
    what: 'each operation of the worker is in the bucket OPERATIONS',
    sentences: ['announce-operations'],
    run: async ({ parts, findings }) => {
      for (const name of OPERATIONS) {
        const message = await lastMessage(parts.broker.manager, OPERATIONS_STREAM, `$KV.OPERATIONS.${name}`);
        const found = `${name} has no value, and the worker asks for its jobs`;
        findings.check('announce-operations', message !== undefined, found);
        if (message === undefined) continue;
        const { data, error } = OperationAnnouncement.safeParse(parseJson(message.string()));
        const faults = error && schemaFaults(error);
        findings.check('announce-operations', error === undefined, `${name} cannot be read: ${faults}`);
        if (data !== undefined)
          findings.check('announce-operations', data.name === name, `${name} has the name ${data.name}`);
      }
    },
  },
  {
    name: 'consumers',
    what: 'the consumers of the worker lose no message',
    sentences: ['consumer-durable'],
    run: async ({ parts, findings }) => {
      const own: ConsumerInfo[] = [];
      for await (const info of parts.broker.manager.consumers.list('JOBS'))
        if (takesOurs(info)) own.push(info);
      findings.need('consumer-durable', own.length > 0, 'no consumer takes jobs of conformance.echo');
      for (const { name, config } of own) {
        const wanted = { ack_policy: 'explicit', deliver_policy: 'all', max_deliver: -1, durable_name: name };
        for (const [setting, value] of Object.entries(wanted)) {
          const found = config[setting as keyof typeof config];
          findings.check(
            'consumer-durable',
            found === value,
            `${setting} of ${name} is ${found}, not ${value}`,
          );
        }
        const isPull = config.deliver_subject === undefined;
        findings.check('consumer-durable', isPull, `${name} is a push consumer`);
      }
    },
  },
];

async function hostOf({ broker, worker }: Bench['parts'], ms: number): Promise<unknown> {
  const deadline = performance.now() + ms;
  for (;;) {
    for await (const message of lastMessages(broker.manager, HOSTS_STREAM, HOST_SUBJECTS)) {
      const value = parseJson(message.string());
      if (typeof value === 'object' && value !== null && 'host' in value && value.host === worker.name)
        return value;
    }
    if (performance.now() > deadline) return undefined;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function takesOurs({ config }: ConsumerInfo): boolean {
  return filtersOf(config, 'jobs.>').some((filter) =>
    filtersOverlap(filter, 'jobs.*.*.*.*.conformance.echo'),
  );
}
