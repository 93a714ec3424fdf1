import { expect, it } from 'vitest';
import { isPlainEvent } from '../../../../shared/job/check/plain-event.ts';
import { JobEvent } from '../../../../shared/job/event.ts';
import { EVENT_KINDS } from '../../../../shared/job/job-state.ts';
import { jobEvent } from '../../../support/nats/job-event.ts';

const TIME = '2026-11-28T04:00:00.000Z';
const EVENT = jobEvent('succeeded', { at: TIME, startedAt: TIME, result: { rows: 1 } });

const VALUES: readonly unknown[] = [
  undefined,
  null,
  true,
  false,
  '',
  ' ',
  'x',
  'started',
  'toString',
  '__proto__',
  '1',
  TIME,
  0,
  -0,
  1,
  -1,
  0.5,
  2 ** 31,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 64,
  1e308,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  1n,
  Symbol('x'),
  () => 1,
  [],
  [TIME],
  {},
  new Date(0),
  new String('x'),
  '\ud800',
  'ü',
  `${TIME} `,
  ` ${TIME}`,
  `${TIME}\n`,
  TIME.toLowerCase(),
  '2026-11-28',
  '2026-11-28T04:00Z',
  '2026-11-28T04:00:00Z',
  '2026-11-28T04:00:00.0Z',
  '2026-11-28T04:00:00.000000Z',
  '2026-11-28T24:00:00.000Z',
  '2026-11-28T23:60:00.000Z',
  '2026-11-28T23:59:60.000Z',
  '2026-11-28T04:00:00.000+00:00',
  '2026-11-28 04:00:00.000Z',
  '+010000-01-01T00:00:00.000Z',
  '-000001-01-01T00:00:00.000Z',
  '0000-01-01T00:00:00.000Z',
  '9999-12-31T23:59:59.999Z',
  '2026-00-01T00:00:00.000Z',
  '2026-13-01T00:00:00.000Z',
  '２026-11-28T04:00:00.000Z',
];

function agree(event: unknown): void {
  if (!isPlainEvent(event as JobEvent)) return;
  expect(JobEvent.safeParse(event).error).toBeUndefined();
}

it('the usual events are plain', () => {
  for (const kind of EVENT_KINDS) expect(isPlainEvent({ ...EVENT, kind })).toBe(true);
  const { startedAt: _, result: __, ...least } = EVENT;
  expect(isPlainEvent(least)).toBe(true);
});

it('no event is plain that the schema refuses: any value in any field, and any field left out', () => {
  for (const field of [
    ...Object.keys(EVENT),
    'progress',
    'error',
    'retryInMs',
    'redriveCount',
    'constructor',
    'own',
  ])
    for (const value of VALUES) {
      agree({ ...EVENT, [field]: value });
      agree(Object.fromEntries(Object.entries(EVENT).filter(([name]) => name !== field)));
    }
});

it('an event is not plain if the schema does not know its day', () => {
  for (const year of ['0000', '1900', '2000', '2023', '2024', '2100'])
    for (let month = 0; month <= 13; month++)
      for (let day = 0; day <= 32; day++) {
        const date = [year, `${month}`.padStart(2, '0'), `${day}`.padStart(2, '0')].join('-');
        agree({ ...EVENT, at: `${date}T00:00:00.000Z` });
      }
});
