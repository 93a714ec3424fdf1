import { type Schema, Validator } from '@cfworker/json-schema';
import { describe, expect, it } from 'vitest';
import { asyncApi } from './asyncapi.ts';
import { chains, events } from './events.ts';
import type { MessageVector } from './facts.ts';
import { operations } from './operations.ts';
import { type PayloadName, schemaOf } from './schemas.ts';
import { vectors } from './vectors.ts';

function faultsOf(name: PayloadName, value: unknown): unknown[] {
  const { valid, errors } = new Validator(schemaOf(name) as Schema, '2020-12').validate(value);
  return valid ? [] : errors;
}

const all = await vectors();
const stored = [...events(), ...chains().flatMap((chain) => chain.events)];

describe('the schema of an event', () => {
  it.each(stored.map((one) => [one.what, one] as const))('fits: %s', (_what, { payload }) => {
    expect(faultsOf('event', JSON.parse(payload))).toEqual([]);
  });

  it('does not fit an event without one of the fields that each event has', () => {
    const event = JSON.parse(stored[0]?.payload ?? '');
    for (const name of ['kind', 'jobId', 'attempt', 'maxAttempts', 'released', 'acceptedAt', 'at', 'worker'])
      expect(
        faultsOf('event', Object.fromEntries(Object.entries(event).filter(([key]) => key !== name))),
      ).not.toEqual([]);
  });
});

it('the schema of an operation takes what the edge takes, but for a name that is not the key', () => {
  const rows = operations().filter(({ reason }) => reason !== '/name is not the key');
  for (const { what, value, reason } of rows)
    expect({ what, isTaken: faultsOf('operation', value).length === 0 }).toEqual({
      what,
      isTaken: reason === null,
    });
});

it.each([
  ['host', all['hosts.json']],
  ['limit-entry', [{ body: { places: [['a', 1]], starts: [['', 1]] } }]],
] as const)('the schema of %s fits its values', (name, rows) => {
  for (const { body } of rows as { body: unknown }[]) expect(faultsOf(name, body)).toEqual([]);
});

it('every message says what it is, what it is made of, and which sequence it expects', () => {
  const messages = [
    all['jobs.json'],
    all['events.json'],
    all['cancels.json'],
    all['dead-letters.json'],
  ].flat();
  for (const one of messages as MessageVector[]) {
    expect(one.what).not.toBe('');
    expect(one.input).toBeDefined();
    expect(one).toHaveProperty('expectedSequence');
  }
  expect(messages.length).toBeGreaterThan(15);
});

it('each event of a chain expects the sequence of the one before', () => {
  for (const { events: chain } of chains())
    expect(chain.map(({ expectedSequence }) => expectedSequence)).toEqual([
      0,
      ...chain.slice(0, -1).map(({ sequence }) => sequence),
    ]);
});

it('the AsyncAPI document has a channel for each subject of the other vectors', () => {
  const filters = Object.values(asyncApi().channels).map(
    ({ address }) =>
      new RegExp(
        `^${address
          .replaceAll(/[.$]/g, '\\$&')
          .replaceAll(/\{operation\}/g, '.+')
          .replaceAll(/\{\w+\}/g, '[^.]+')}$`,
      ),
  );
  const subjects = [
    'jobs.json',
    'events.json',
    'cancels.json',
    'dead-letters.json',
    'operations.json',
    'hosts.json',
  ]
    .flatMap((name) => all[name] as { subject: string }[])
    .map(({ subject }) => subject);
  expect(subjects.filter((subject) => filters.every((filter) => !filter.test(subject)))).toEqual([]);
});
