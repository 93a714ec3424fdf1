import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { EVENT_STATES } from '../../../shared/job/event.ts';
import { HEADER } from '../../../shared/wire/headers.ts';

const page = readFileSync(new URL('../../../docs/PROTOCOL.md', import.meta.url), 'utf8');

it('docs/PROTOCOL.md names every header that is written, and no other', () => {
  const named = new Set([...page.matchAll(/`(throughline-[a-z-]+)/g)].map(([, name]) => name));
  const written = Object.values(HEADER);
  expect([...named].toSorted()).toEqual(written.filter((name) => name.startsWith('throughline-')).toSorted());
  expect(written.filter((name) => !page.includes(name))).toEqual([]);
});

it('docs/PROTOCOL.md names every kind of event', () => {
  const [, list = ''] = /and the kind: (.+)\.$/m.exec(page) ?? [];
  const named = [...list.matchAll(/`([a-z]+)`/g)].map(([, kind]) => kind);
  expect(named.toSorted()).toEqual(Object.keys(EVENT_STATES).toSorted());
});
