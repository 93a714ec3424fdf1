import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OpenBodies } from '../../../edge/access/open-bodies.ts';
import { refusalOf } from '../../unit/support.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

const MIB = 1024 * 1024;
const FOR_MS = 60_000;

describe('the bodies that a tenant sends at once', () => {
  it('may have 64 MiB together, and those of others count apart', async () => {
    const bodies = new OpenBodies();
    const close = bodies.add('acme', 60 * MIB, FOR_MS);
    bodies.add('acme', 4 * MIB, FOR_MS);
    expect(await refusalOf(async () => bodies.add('acme', 1, FOR_MS))).toMatchObject({
      code: 'rate-limited',
      retryAfterSeconds: 1,
    });
    bodies.add('globex', 60 * MIB, FOR_MS);
    close();
    close();
    bodies.add('acme', 60 * MIB, FOR_MS);
    expect(await refusalOf(async () => bodies.add('acme', 1, FOR_MS))).toMatchObject({
      code: 'rate-limited',
    });
  });

  it('count no longer when their time is over', async () => {
    const bodies = new OpenBodies();
    const close = bodies.add('acme', 40 * MIB, FOR_MS);
    vi.setSystemTime(Date.now() + FOR_MS / 2);
    bodies.add('acme', 20 * MIB, FOR_MS);
    vi.setSystemTime(Date.now() + FOR_MS / 2);
    bodies.add('acme', 44 * MIB, FOR_MS);
    close();
    expect(await refusalOf(async () => bodies.add('acme', 1, FOR_MS))).toMatchObject({
      code: 'rate-limited',
    });
  });
});
