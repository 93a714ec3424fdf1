import { expect, it } from 'vitest';
import { findOnPath } from '../../dev/machine/command.ts';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { type Block, blocksOf, PAGES } from '../support/docs/pages.ts';
import { HISTORY, RUN_ELSEWHERE } from '../support/docs/tested-by.ts';
import { SUITE } from '../support/suite-settings.ts';
import { readerOf, runBlocks, systemFor } from './reader.ts';

/** What the blocks of a page print, beside ending well. */
const PRINTED: Readonly<Record<string, readonly RegExp[]>> = {
  'README.md': [/^result +\{"greeting":"Hello, Ada!"\}$/m, /"result":\{"greeting":"Hello, Ada!"\}/],
  'docs/GETTING-STARTED.md': [
    /^result +\{"greeting":"Hello, Ada!"\}$/m,
    /exit code 2$/m,
    /^throughline-worker +.*process greet/m,
    /state +cancelled/,
    /"kind":"cancelled"/,
    /exit code 1: it did not succeed/,
    /exit code 1: it did not either/,
    /target-refused/,
    /1 redriven/,
    /"type":"dev.throughline.job.succeeded"/,
    /Europe\/Berlin/,
    /tl_ci_[A-Za-z0-9_-]{20,}/,
  ],
  'docs/HTTP-API.md': [/"state":"succeeded"/],
  'docs/LANGUAGES.md': [
    /"result":\{"hello":"world"\}/,
    /^event: succeeded$/m,
    /^succeeded \{'hello': 'world'\}$/m,
    /^\{ hello: 'world' \}$/m,
  ],
  'docs/OPERATIONS.md': [/"greeting":"Hello, Ada!"/, /"file":"acme.pdf"/],
  'docs/TRACING.md': [/process echo/, /"traceId":"4bf92f3577b34da6a3ce929d0e0e4736"/, /\{"total":3\}/],
  'docs/VERIFY.md': [/^callback +whole/m, /^every trace is whole in /m],
  'docs/OPERATING.md': [/^all is well$/m, /throughline_bridge_broker_up/, /1 cancelled/],
};

/** The blocks that a reader runs after the system has started. */
function commandsOf(page: string): Block[] {
  return blocksOf(page).filter(
    ({ language, words }) =>
      language === 'sh' && !['by-ci', 'dev', 'not-run'].some((word) => words.includes(word)),
  );
}

const pages = PAGES.filter(
  (page) => !HISTORY.includes(page) && RUN_ELSEWHERE[page] === undefined && commandsOf(page).length > 0,
);

it('there are pages with commands, and those of which we know what they print', () => {
  expect(pages).toEqual(expect.arrayContaining(Object.keys(PRINTED)));
});

it.for(pages)('%s: its commands work as written', async (page, { skip }) => {
  const commands = commandsOf(page);
  await needPython(commands, skip);
  const reader = await readerOf(page);
  const printed = await runBlocks(commands, reader, await systemFor(page, reader));
  for (const line of PRINTED[page] ?? []) expect(printed).toMatch(line);
});

/** Skips a page whose commands need Python, on a machine without it. In CI that is a failure. */
async function needPython(commands: readonly Block[], skip: (note: string) => never): Promise<void> {
  const isNeeded = commands.some(({ text }) => /^python3 /m.test(text));
  if (!isNeeded || (await findOnPath('python3', hostEnvironment().PATH)) !== undefined) return;
  const note = 'NOT TESTED: python3 is not on PATH';
  if (SUITE.CI !== undefined) throw new Error(note);
  process.stderr.write(`\n${note}\n\n`);
  skip(note);
}
