import type { OutboxItem } from '../../shared/api/outbox.ts';
import { escapeControls } from '../../shared/text/terminal-text.ts';
import type { Paint } from './paint.ts';
import { padColumns } from './table-text.ts';

/** Jobs of the outbox for a person, one a line. What the server says is escaped. */
export function outboxText(jobs: readonly OutboxItem[], paint: Paint): string {
  const rows = padColumns(
    jobs.map(({ addedAt, id, operation = '?', state, tries, reason = '' }) =>
      [addedAt, id, operation, state, `sent ${tries} times`, reason].map(escapeControls),
    ),
  );
  return rows
    .map(([at = '', id = '', operation = '', state = '', tries = '', reason = '']) =>
      [paint.dim(at), paint.bold(id), operation, state, tries, paint.red(reason)].join('  ').trimEnd(),
    )
    .join('\n');
}
