import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOfService, unknownSettings } from '../../../../shared/text/setting-names.ts';

const NAMES = {
  program: 'the worker',
  known: [
    'NATS_URL',
    'NATS_USER',
    'NATS_CREDS_FILE',
    'WORKER_CONCURRENCY',
    'CALLBACK_SECRET',
    'LOG_LEVEL',
    'DEBUG',
  ],
  prefixes: ['WORKER_', 'NATS_', 'CALLBACK_'],
  isForeign: (name: string, value: unknown) => name === 'NATS_OF_OTHERS' || isOfService(name, value),
};
const warnings = (values: Record<string, string | undefined>) => unknownSettings(values, NAMES);

describe('a name that nobody reads', () => {
  it.each([
    ['WORKER_CONCURENCY', 'WORKER_CONCURRENCY'],
    ['WORKER_CONCURRENCIES', 'WORKER_CONCURRENCY'],
    ['WROKER_CONCURRENCY', 'WORKER_CONCURRENCY'],
    ['worker_concurrency', 'WORKER_CONCURRENCY'],
    ['NTAS_URL', 'NATS_URL'],
    ['NATSURL', 'NATS_URL'],
    ['NATS_CREDS', 'NATS_CREDS_FILE'],
    ['CALLBACK_SECRET_KEY', 'CALLBACK_SECRET'],
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['NATS_URLS', 'NATS_URL'],
  ])('%s is named, with %s that was probably meant, and without its value', (name, meant) => {
    expect(warnings({ [name]: 'canary' })).toEqual([
      `${name} is not a setting of the worker, so it changes nothing; did you mean ${meant}?`,
    ]);
  });

  it('is named if it begins like ours, even if it is like none of them', () => {
    expect(warnings({ NATS_XYZZY: '1' })).toEqual([
      'NATS_XYZZY is not a setting of the worker, so it changes nothing',
    ]);
  });

  it.each([
    ['PATH', '/bin'],
    ['DBUG', '1'],
    ['DATABASE_URL', 'x'],
    ['DATA_URL', 'x'],
    ['NATS_OF_OTHERS', 'x'],
    ['NATS_URL', 'x'],
    ['NATS_XYZZY', ''],
    ['NATS_SERVICE_HOST', '10.0.0.1'],
    ['NATS_SERVICE_PORT', '4222'],
    ['NATS_SERVICE_PORT_CLIENT', '4222'],
    ['NATS_PORT', 'tcp://10.0.0.1:4222'],
    ['NATS_PORT_4222_TCP_ADDR', '10.0.0.1'],
    ['WORKER_SERVICE_HOST', '10.0.0.1'],
  ])('%s=%s is not ours to judge', (name, value) => {
    expect(warnings({ [name]: value })).toEqual([]);
  });

  it('is found for every known name of some length with one letter too many, too few, or swapped', () => {
    const slip = fc.tuple(
      fc.constantFrom(...NAMES.known.filter((name) => name.length >= 6)),
      fc.nat(),
      fc.constantFrom('add', 'drop', 'swap'),
    );
    fc.assert(
      fc.property(slip, ([name, place, kind]) => {
        const at = place % (name.length - 1);
        const slipped = {
          add: `${name.slice(0, at)}X${name.slice(at)}`,
          drop: name.slice(0, at) + name.slice(at + 1),
          swap: `${name.slice(0, at)}${name[at + 1]}${name[at]}${name.slice(at + 2)}`,
        }[kind];
        if (slipped === undefined || NAMES.known.includes(slipped)) return;
        expect(warnings({ [slipped]: '1' })).toEqual([expect.stringMatching(/did you mean [A-Z_]+\?$/)]);
      }),
    );
  });
});
