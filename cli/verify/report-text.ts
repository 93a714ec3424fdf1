import { escapeControls } from '../../shared/text/terminal/escape-controls.ts';
import type { Paint } from '../text/terminal.ts';
import type { CanaryReport, Orphan, VerifyReport } from './report.ts';
import { CANARY_NAMES } from './send/canaries.ts';

const NAME_WIDTH = Math.max(...CANARY_NAMES.map((name) => name.length));

/** What was found, for a person: a line for each canary, and below it what is broken, where, and why. */
export function reportText(report: VerifyReport, paint: Paint): string {
  const { ok, store, canaries, orphans = [], error } = report;
  if (error !== undefined) return paint.red(`not verified: ${escapeControls(error.message)}`);
  const verdict = ok
    ? paint.green(`every trace is whole in ${escapeControls(store)}`)
    : paint.red(`traces are broken in ${escapeControls(store)}`);
  return [
    ...canaries.flatMap((report) => canaryLines(report, paint)),
    ...orphans.map((orphan) => orphanLine(orphan, paint)),
    verdict,
  ].join('\n');
}

function canaryLines(
  { canary, outcome, traceId, reason, faults, notes }: CanaryReport,
  paint: Paint,
): string[] {
  const word = { whole: paint.green('whole'), broken: paint.red('broken'), skipped: paint.yellow('skipped') };
  const about = outcome === 'skipped' ? (reason ?? '') : traceId === undefined ? '' : `trace ${traceId}`;
  return [
    `${canary.padEnd(NAME_WIDTH)}  ${word[outcome]}  ${paint.dim(escapeControls(about))}`.trimEnd(),
    ...faults.flatMap(({ hop, found, cause }) => [
      `  ${paint.bold(hop)}: ${escapeControls(found)}`,
      `  likely: ${escapeControls(cause)}`,
    ]),
    ...notes.map((note) => `  note: ${escapeControls(note)}`),
  ];
}

function orphanLine({ service, name, traceId, parentSpanId }: Orphan, paint: Paint): string {
  const text = `the parent ${parentSpanId} of "${name}" of ${service} never came, in trace ${traceId}`;
  return `${paint.red('orphan')}: ${escapeControls(text)}`;
}
