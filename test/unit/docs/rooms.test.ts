import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ROOMS } from '../../../scripts/boundaries.ts';

const page = readFileSync(new URL('../../../docs/ARCHITECTURE.md', import.meta.url), 'utf8');

/** The rooms that the page shows for a folder, from top to bottom: levels with arrows between them, or a line for each level. */
function shownRooms(folder: string): string[][] {
  const [, shown = ''] = new RegExp(`^${folder}/ +(.+(?:\\n {2,}.+)*)$`, 'm').exec(page) ?? [];
  const levels = shown.split(/ → |\n +/).map((level) => level.split(/ {2,}/)[0] ?? '');
  return levels.map((level) => level.split(', ').toSorted());
}

it.each(ROOMS)(
  'docs/ARCHITECTURE.md shows the rooms of $folder as the check of imports knows them',
  ({ folder, order }) => {
    const levels = order.map((rooms) => rooms.map((room) => room.replace(/\.ts$/, '')).toSorted());
    expect(shownRooms(folder)).toEqual(levels);
  },
);
