import { describe, expect, it } from 'vitest';
import { unreadSettings } from '../../dev/machine/unread-settings.ts';
import { EDGE_SETTING_NAMES } from '../../edge/config.ts';
import { WORKER_SETTING_NAMES } from '../../worker-node/config.ts';

/** A shell may hold these for other programs: for the command line, for a receiver of callbacks, or for anything. */
const OF_OTHERS = ['LOG_LEVEL', 'DEBUG', 'CALLBACK_SECRET'];
/** No text can set them. */
const OBJECTS = ['BRIDGE', 'JOB_INDEX', 'SCHEDULES', 'RATE_LIMITER'];

const isOurs = (name: string): boolean =>
  !(OF_OTHERS.includes(name) || OBJECTS.includes(name) || name.startsWith('NATS_'));

describe('a setting in the environment of throughline dev', () => {
  it.each([
    ...EDGE_SETTING_NAMES.map((name) => ['edge', name] as const),
    ...WORKER_SETTING_NAMES.map((name) => ['worker', name] as const),
  ])('of the %s, %s, is not ignored in silence, unless it may be for another program', (part, name) => {
    const sentence = `${name} in the environment changes nothing here; give it with --${part} ${name}=<value>`;
    expect(unreadSettings({ [name]: 'a-secret' }, {})).toEqual(isOurs(name) ? [sentence] : []);
  });

  it('is mentioned only if a part still reads it', () => {
    const everything = new Proxy({}, { get: () => 'a-text' });
    const names = unreadSettings(everything, {}).map((sentence) => sentence.split(' ')[0]);
    expect(names.sort()).toEqual([...EDGE_SETTING_NAMES, ...WORKER_SETTING_NAMES].filter(isOurs).sort());
  });

  it('is not mentioned if it is empty, or if an option gives it', () => {
    expect(unreadSettings({ TENANT_MAX_JOBS: '' }, {})).toEqual([]);
    expect(unreadSettings({ TENANT_MAX_JOBS: '1' }, { edge: { TENANT_MAX_JOBS: '2' } })).toEqual([]);
    expect(unreadSettings({ WORKER_GROUP: 'a' }, { edge: { WORKER_GROUP: 'a' } })).toHaveLength(1);
  });
});
