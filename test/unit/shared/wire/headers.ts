import { expect } from 'vitest';
import type { HeaderValues, SetHeader } from '../../../../shared/wire/headers.ts';

/** The headers that `write` sets. The test fails if one is set twice. */
export function written(write: (set: SetHeader) => void): Map<string, string> {
  const headers = new Map<string, string>();
  write((name, value) => {
    expect(headers.has(name)).toBe(false);
    headers.set(name, value);
  });
  return headers;
}

/** Reads headers of which each has one value. */
export function valuesOf(headers: ReadonlyMap<string, string>): HeaderValues {
  return (name) => {
    const value = headers.get(name);
    return value === undefined ? [] : [value];
  };
}
