import type { DeadLetterDetail } from '../../shared/api/dead-letter.ts';
import { escapeControls } from '../../shared/text/terminal-text.ts';
import { type Fact, factsText } from './table.ts';
import { jsonText, type Paint } from './terminal.ts';

/** A dead letter for a person, with all that it holds, one fact a line. Text from the server is escaped. */
export function deadLetterText(deadLetter: DeadLetterDetail, paint: Paint): string {
  const { id, operation, diedAt, reason, attempts, redriveCount, traceId, body, headers } = deadLetter;
  return factsText(
    [
      ['job', paint.bold(escapeControls(id))],
      ['operation', escapeControls(operation)],
      ['died', escapeControls(diedAt)],
      ['reason', paint.red(escapeControls(reason))],
      ['attempts', String(attempts)],
      ['redriven', redriveCount === undefined ? undefined : `${redriveCount} times before`],
      ['trace', traceId === '' ? undefined : escapeControls(traceId)],
      ['input', 'input' in deadLetter ? jsonText(deadLetter.input) : undefined],
      ['body', body && `${escapeControls(body)} (base64, because it is not JSON)`],
      ...Object.entries(headers).map(
        ([name, value]): Fact => ['header', escapeControls(`${name}: ${value}`)],
      ),
    ],
    paint,
  );
}
