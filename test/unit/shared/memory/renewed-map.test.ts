import { expect, it } from 'vitest';
import { RenewedMap } from '../../../../shared/memory/renewed-map.ts';

/** So many entries come and go that the map has been copied several times. */
const MANY = 5_000;

it.each([0, 1, 64, 1_000])(
  'holds what is there, while thousands of entries come and go beside %i',
  (stay) => {
    const map = new RenewedMap<string, number>();
    for (let n = 0; n < stay; n++) map.set(`stays ${n}`, n);
    for (let n = 0; n < MANY; n++) {
      map.set(`goes ${n}`, n);
      expect(map.get(`goes ${n}`)).toBe(n);
      map.delete(`goes ${n}`);
      map.delete(`goes ${n}`);
    }
    expect(map.size).toBe(stay);
    expect(map.values()).toEqual(Array.from({ length: stay }, (_, n) => n));
    expect(map.get(`goes ${MANY - 1}`)).toBeUndefined();
  },
);

it('gives the values as they were when it was asked, in the order in which their keys came', () => {
  const map = new RenewedMap<string, string>();
  map.set('a', 'first');
  map.set('b', 'second');
  map.set('a', 'changed');
  const values = map.values();
  map.delete('a');
  expect(values).toEqual(['changed', 'second']);
  expect(map.values()).toEqual(['second']);
});
