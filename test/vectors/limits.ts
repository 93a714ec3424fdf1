/** Limits by key: the subject of an entry, and what an attempt makes of its entry. */
import { limitKeyValue } from '../../shared/job/limit-key.ts';
import type { LimitEntry } from '../../shared/wire/limit-entry.ts';
import { entrySubject } from '../../worker-node/broker/limits/limit-store.ts';
import { confirm, release, take } from '../../worker-node/jobs/limits/entry.ts';
import { ADDRESS } from './facts.ts';

const NOW = 1_767_323_046_000;
const LEASE_MS = 30_000;
const WISH = { id: 'a2', places: 2, rate: { limit: 3, periodMs: 60_000 } };
const BEFORE: LimitEntry = {
  places: [
    ['a0', NOW - 1],
    ['a1', NOW + 5_000],
  ],
  starts: [
    ['', NOW - 61_000],
    ['', NOW - 10_000],
  ],
};
const FULL: LimitEntry = { ...BEFORE, places: [...BEFORE.places, ['b1', NOW + 9_000]] };

export function limits() {
  const taken = take(BEFORE, WISH, NOW, LEASE_MS);
  const started = 'entry' in taken ? confirm(taken.entry, WISH.id, NOW + 20) : BEFORE;
  return {
    subjects: [
      { what: 'all jobs of a tenant', key: 'tenant', input: { customer: 7 } },
      { what: 'a place in the input', key: '/customer', input: { customer: 7 } },
      { what: 'a text is not the number that it spells', key: '/customer', input: { customer: '7' } },
      { what: 'an input without that place', key: '/customer', input: {} },
    ].map(({ what, key, input }) => {
      const value = limitKeyValue(key, input);
      return { what, key, input, value, subject: entrySubject(ADDRESS, key, input) };
    }),
    entries: {
      now: NOW,
      leaseMs: LEASE_MS,
      wish: WISH,
      steps: [
        { what: 'before: one place is over, and one start is older than the period', entry: BEFORE },
        { what: 'the attempt takes a place and a start, and writes this before `started`', ...taken },
        { what: 'after `started` is stored, 20 ms later', entry: started },
        { what: 'after the end is recorded', entry: release(started, WISH.id) },
        { what: 'an entry without a free place', entry: FULL },
        { what: 'the attempt must wait', ...take(FULL, WISH, NOW, LEASE_MS) },
      ],
    },
  };
}
