import { expect, it } from 'vitest';
import type { HostAnnouncement } from '../../../../shared/api/host-announcement.ts';
import { checkHostSize } from '../../../../worker-node/operations/host-size.ts';

it('a host with more operations than one message can name is refused', () => {
  const host: HostAnnouncement = {
    host: 'h',
    version: '1',
    group: 'g',
    concurrency: 1,
    since: '2026-01-01T00:00:00Z',
    leaseMs: 1,
    operations: Array.from({ length: 1_000 }, (_, index) => `operation.${index}`),
  };
  expect(() => checkHostSize(host, 8_192)).toThrow(
    /1000 operations has \d+ bytes, and max_payload .* is 8192/,
  );
  checkHostSize(host, 1_048_576);
});
