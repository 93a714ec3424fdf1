import { describe, expect, it } from 'vitest';
import { zoneName } from '../../../../shared/text/zone-name.ts';

describe('the name of a time zone', () => {
  it.each([
    ['europe/berlin', 'Europe/Berlin'],
    ['AMERICA/NEW_YORK', 'America/New_York'],
    ['Europe/Berlin', 'Europe/Berlin'],
    ['utc', 'UTC'],
  ])('has its usual spelling: %s is %s', (text, name) => {
    expect(zoneName(text)).toBe(name);
  });

  it.each(['US/Eastern', 'CET', 'EST', 'Etc/UTC'])('stays another name of a zone: %s', (text) => {
    expect(zoneName(text)).toBe(text);
  });

  it.each(['Europe/Atlantis', '+02:00', '', 'Europe/Berlin\n'])('is not found in %j', (text) => {
    expect(zoneName(text)).toBeUndefined();
  });
});
