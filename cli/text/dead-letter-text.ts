import type { DeadLetter, DeadLetterDetail } from '../../shared/api/dead-letter.ts';
import { escapeControls } from '../../shared/text/terminal-text.ts';
import { jsonText } from './json-text.ts';
import type { Paint } from './paint.ts';
import { padColumns } from './table-text.ts';

const LABEL_WIDTH = 11;

/** Dead letters for a person, one a line. What the server says is escaped. */
export function deadLettersText(letters: readonly DeadLetter[], paint: Paint): string {
  const rows = letters.map(({ diedAt, id, operation, reason, attempts }) =>
    [diedAt, id, operation, reason, `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`].map(
      escapeControls,
    ),
  );
  return padColumns(rows)
    .map(([at = '', id = '', operation = '', reason = '', attempts = '']) =>
      [paint.dim(at), paint.bold(id), operation, paint.red(reason), attempts].join('  '),
    )
    .join('\n');
}

/** A dead letter with all that it holds, for a person, one fact a line. */
export function deadLetterText(letter: DeadLetterDetail, paint: Paint): string {
  const facts: [label: string, fact: string | undefined][] = [
    ['job', paint.bold(escapeControls(letter.id))],
    ['operation', escapeControls(letter.operation)],
    ['died', escapeControls(letter.diedAt)],
    ['reason', paint.red(escapeControls(letter.reason))],
    ['attempts', String(letter.attempts)],
    ['redriven', letter.redriveCount === undefined ? undefined : `${letter.redriveCount} times before`],
    ['trace', letter.traceId === '' ? undefined : escapeControls(letter.traceId)],
    ['input', 'input' in letter ? jsonText(letter.input) : undefined],
    ['body', letter.body && `${escapeControls(letter.body)} (base64; it is no JSON)`],
    ...Object.entries(letter.headers).map(([name, value]): [string, string] => [
      'header',
      escapeControls(`${name}: ${value}`),
    ]),
  ];
  return facts
    .filter(([, fact]) => fact !== undefined)
    .map(([label, fact]) => `${paint.dim(label.padEnd(LABEL_WIDTH))}${fact}`)
    .join('\n');
}
