import { expect, it } from 'vitest';
import { copyFindings } from '../../../../shared/nats/copies.ts';
import { findingText } from '../../../../shared/nats/finding.ts';

const config = { name: 'JOBS', num_replicas: 3 };
const replicas = (...away: boolean[]) => away.map((offline) => ({ offline }));

it('copies on servers of a cluster that are up are right, and one copy on one server is', () => {
  expect(copyFindings({ config, cluster: { name: 'c', replicas: replicas(false, false) } })).toEqual([]);
  expect(copyFindings({ config: { ...config, num_replicas: 1 }, cluster: {} })).toEqual([]);
  expect(copyFindings({ config: { ...config, num_replicas: 1 } })).toEqual([]);
});

it('copies on servers that are away weaken a promise', () => {
  const [found] = copyFindings({ config, cluster: { name: 'c', replicas: replicas(false, true) } });
  expect(found?.level).toBe('weakens');
  expect(found && findingText(found)).toContain('copies on servers that are up is 2, but must be 3');
});

it('more copies than one server can hold break a promise', () => {
  expect(copyFindings({ config, cluster: {} })).toMatchObject([{ level: 'breaks', wanted: '1' }]);
});
