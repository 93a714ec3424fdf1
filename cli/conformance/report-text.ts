import { escapeControls } from '../../shared/text/terminal/escape-controls.ts';
import type { Paint } from '../text/terminal.ts';
import type { CaseReport, ConformanceReport } from './report.ts';

const NAME_WIDTH = 22;
const PAGE = 'docs/PROTOCOL.md';

/** A case, and below it each sentence that does not hold. */
export function caseText({ case: name, what, outcome, why, faults }: CaseReport, paint: Paint): string {
  const word = {
    passed: paint.green('passed'),
    failed: paint.red('failed'),
    skipped: paint.yellow('skipped'),
  };
  return [
    `${word[outcome]}${outcome === 'skipped' ? '' : ' '}  ${name.padEnd(NAME_WIDTH)}  ${paint.dim(what)}`,
    ...(why === undefined ? [] : [`  ${escapeControls(why)}`]),
    ...faults.flatMap(({ sentence, says, found }) => [
      `  ${paint.bold(`${PAGE}#${sentence}`)}: ${says}`,
      `  seen: ${escapeControls(found)}`,
    ]),
  ].join('\n');
}

/** The last line: how many cases passed. */
export function reportText({ of, cases }: ConformanceReport, paint: Paint): string {
  const count = (outcome: CaseReport['outcome']): number =>
    cases.filter((one) => one.outcome === outcome).length;
  const [failed, skipped] = [count('failed'), count('skipped')];
  const rest = skipped === 0 ? '' : `, ${skipped} skipped`;
  const sums = `${count('passed')} passed, ${failed} failed${rest}`;
  return failed === 0
    ? paint.green(`the ${of} conforms: ${sums}`)
    : paint.red(`the ${of} does not conform: ${sums}`);
}
