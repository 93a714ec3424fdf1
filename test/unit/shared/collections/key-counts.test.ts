import { describe, expect, it } from 'vitest';
import { KeyCounts } from '../../../../shared/collections/key-counts.ts';

describe('counts by key', () => {
  it('count up and down for each key, and never below 0', () => {
    const counts = new KeyCounts();
    counts.add('acme');
    counts.add('acme');
    counts.add('globex');
    counts.remove('acme');
    counts.remove('initech');
    expect([counts.of('acme'), counts.of('globex'), counts.of('initech')]).toEqual([1, 1, 0]);
  });

  it('have no entry for a key without any', () => {
    const counts = new KeyCounts();
    counts.add('acme');
    counts.add('globex');
    counts.remove('acme');
    expect([...counts.all]).toEqual([['globex', 1]]);
  });
});
