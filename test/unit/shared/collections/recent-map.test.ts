import { expect, it } from 'vitest';
import { RecentMap } from '../../../../shared/collections/recent-map.ts';

function mapOf(...keys: string[]): RecentMap<string, number> {
  const map = new RecentMap<string, number>();
  for (const [place, key] of keys.entries()) map.use(key, place);
  return map;
}

it('keeps its keys in the order of their last use', () => {
  expect([...mapOf('a', 'b', 'a', 'c', 'c', 'b')]).toEqual([
    ['a', 2],
    ['c', 4],
    ['b', 5],
  ]);
});

it('does not count a look as a use', () => {
  const map = mapOf('a', 'b');
  expect(map.get('a')).toBe(0);
  expect([...map.keys()]).toEqual(['a', 'b']);
});

it('puts a key that was deleted and is used again at the end', () => {
  const map = mapOf('a', 'b');
  map.delete('b');
  map.use('b', 7);
  expect([...map]).toEqual([
    ['a', 0],
    ['b', 7],
  ]);
  map.delete('b');
  map.use('c', 8);
  map.use('b', 9);
  expect([...map.keys()]).toEqual(['a', 'c', 'b']);
});

it('deletes the key that was used the longest time ago', () => {
  const map = mapOf('a', 'b', 'a');
  map.deleteOldest();
  expect([[...map.keys()], map.size]).toEqual([['a'], 1]);
  map.deleteOldest();
  map.deleteOldest();
  expect(map.size).toBe(0);
});
