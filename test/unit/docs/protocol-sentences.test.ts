import { expect, it } from 'vitest';
import { WORKER_CASES } from '../../../cli/conformance/cases/all.ts';
import { PRODUCER_CASES } from '../../../cli/conformance/producer/cases.ts';
import { SENTENCES } from '../../../cli/conformance/sentences.ts';
import { ERROR_CODES } from '../../../shared/errors.ts';
import { blocksOf, textOf } from '../../support/docs/pages.ts';
import type { MessageVector } from '../../vectors/facts.ts';
import { operations } from '../../vectors/operations.ts';
import { vectors } from '../../vectors/vectors.ts';

const PAGE = 'docs/PROTOCOL.md';
const page = textOf(PAGE);

it('each sentence that a case checks stands in the page once, word for word, after its anchor', () => {
  const anchored = [...page.matchAll(/^- <a id="([a-z-]+)"><\/a>`([a-z-]+)`: (.*)$/gm)];
  expect(anchored.every(([, anchor, name]) => anchor === name)).toBe(true);
  const inPage = anchored.map(([, anchor, , sentence]) => [anchor, sentence]);
  expect(inPage.toSorted()).toEqual(Object.entries(SENTENCES).toSorted());
});

it('each sentence is checked by a case', () => {
  const checked = new Set([...WORKER_CASES, ...PRODUCER_CASES].flatMap(({ sentences }) => sentences));
  expect(Object.keys(SENTENCES).filter((name) => !checked.has(name as keyof typeof SENTENCES))).toEqual([]);
});

it('cases have different names', () => {
  for (const cases of [WORKER_CASES, PRODUCER_CASES]) {
    const names = cases.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  }
});

it('its examples are messages of the vectors', async () => {
  const examples = blocksOf(PAGE)
    .filter(
      ({ language, text }) => language === '' && /^(jobs|delayed|events|dead|cancel|callbacks)\./.test(text),
    )
    .map(({ text }) => text.trim());
  const all = await vectors();
  const { tasks } = all['callbacks.json'] as { tasks: MessageVector[] };
  const chains = all['chains.json'] as { events: MessageVector[] }[];
  const rows = ['jobs.json', 'events.json', 'cancels.json', 'dead-letters.json'].flatMap(
    (name) => all[name] as MessageVector[],
  );
  const known = [...rows, ...tasks, ...chains.flatMap(({ events }) => events)].map(messageText);
  expect(examples.filter((example) => !known.includes(example))).toEqual([]);
  const kinds = new Set(examples.map((example) => /^ce-type: (.*)$/m.exec(example)?.[1]));
  expect(kinds.size).toBeGreaterThanOrEqual(9);
});

it('it names each reason for which a value of OPERATIONS is refused', () => {
  for (const { what, reason } of operations())
    if (reason !== null) expect(page).toContain(`| ${what} | \`${reason}\` |`);
});

it('the codes of errors that it names are those of the code', () => {
  const [, list = ''] = /callers know these: (.*?)\.\n/.exec(page) ?? [];
  const named = [...list.matchAll(/`([a-z-]+)`/g)].map(([, code = '']) => code);
  expect(named.length).toBeGreaterThan(8);
  expect(named.filter((code) => !ERROR_CODES.some((known) => known === code))).toEqual([]);
});

function messageText({ subject, headers, payload }: MessageVector): string {
  return [subject, ...headers.map(([name, value]) => `${name}: ${value}`), '', payload].join('\n').trim();
}
