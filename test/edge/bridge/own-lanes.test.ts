import { describe, expect, it } from 'vitest';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { hostOf } from '../support/announcements.ts';
import { command, setup } from './submit-support.ts';

/** A bridge that knows a host with an own lane for `acme`. */
function withOwnLane() {
  const bridge = setup();
  bridge.broker.hosts.put('host-2', writeJson(hostOf(['echo'], { ownLanes: ['acme'] })));
  return bridge;
}

describe('a job of a tenant with an own lane', () => {
  it('goes there, however many there are; those of other tenants do not', async () => {
    const { submit, subjects } = withOwnLane();
    for (let n = 0; n < 6; n++) await submit(command(`job-${n}`, { priority: 'high' }));
    await submit({ ...command('job-6'), tenant: 'globex' });
    expect(subjects().slice(0, 6)).toEqual(
      Array.from({ length: 6 }, (_, n) => `jobs.high.own.acme.job-${n}.echo`),
    );
    expect(subjects()[6]).toMatch(/^jobs\.normal\.p[0-3]\.globex\./);
  });

  it('goes to an ordered lane if it has an ordering key', async () => {
    const { submit, subjects } = withOwnLane();
    await submit(command('job-1', { orderingKey: 'k' }));
    expect(subjects()[0]).toMatch(/^jobs\.normal\.o[0-7]\.acme\./);
  });

  it('Q10: goes to a pooled lane as soon as the last host that serves it has left', async () => {
    const { submit, subjects, broker } = withOwnLane();
    await submit(command('job-1'));
    broker.hosts.put('host-2', undefined);
    await submit(command('job-2'));
    expect(subjects()).toEqual(['jobs.normal.own.acme.job-1.echo', 'jobs.normal.p3.acme.job-2.echo']);
  });
});
