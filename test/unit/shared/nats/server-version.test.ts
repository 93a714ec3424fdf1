import { expect, it } from 'vitest';
import { isAtLeastVersion } from '../../../../shared/nats/server-version.ts';

it.each([
  ['2.12.0', true],
  ['2.12.0-RC.1', true],
  ['2.14.5', true],
  ['3.0.0', true],
  ['3.0', true],
  ['2.14.5-RC1', true],
  ['2.15.0-preview.1', true],
  ['2.15', true],
  ['2.9', false],
  ['2.100.0', true],
  ['v2.13.1', true],
  ['2.11.9', false],
  ['2.9.10', false],
  ['1.99.99', false],
  ['', false],
  ['unknown', false],
  [undefined, false],
])('%s is 2.12.0 or newer: %s', (version, expected) => {
  expect(isAtLeastVersion(version, '2.12.0')).toBe(expected);
});
