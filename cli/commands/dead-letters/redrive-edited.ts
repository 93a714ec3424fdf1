import type { Submission } from '../../../client/options.ts';
import type { DeadLetterDetail } from '../../../shared/api/answers/dead-letter.ts';
import { defined } from '../../../shared/defined.ts';
import type { Job } from '../../../shared/job/job.ts';
import { ATTR } from '../../../shared/trace/semantics.ts';
import { readJobSpec } from '../../../shared/wire/job-headers.ts';
import { CliError } from '../../cli-error.ts';
import { type Environment, terminalConfig } from '../../config.ts';
import { EXIT } from '../../exit-code.ts';
import type { Scope } from '../../host.ts';
import { type EditedText, editText, keptText } from '../../input/editor.ts';
import { parseInput, utf8Text } from '../../input/job-input.ts';

/**
 * Opens the input of a dead letter in the user's editor, and submits a new job with what was saved. A redrive keeps the input
 * of a job, so this is another job; the dead letter stays. The file that was saved is kept until the job is submitted.
 * @throws CliError `usage-invalid` if the input is not JSON, or was not changed; ApiError
 */
export async function redriveEdited(id: string, environment: Environment, scope: Scope): Promise<number> {
  const { api, output, handOver } = scope;
  const deadLetter = await api.deadLetter(id);
  if (!('input' in deadLetter))
    throw new CliError('usage-invalid', 'the input of this dead letter is not JSON');
  const before = `${JSON.stringify(deadLetter.input, undefined, 2)}\n`;
  const { editor } = terminalConfig(environment);
  const edited = await handOver(() => editText(before, `${id}.json`, editor));
  if (!edited.isChanged) {
    await edited.remove();
    throw new CliError('usage-invalid', 'the input was not changed, so nothing was sent', {
      hint: 'leave out --edit to send the job again as it is',
    });
  }
  output.job(await submitEdited(deadLetter, edited, scope));
  output.note(`the dead letter ${id} stays; this is a new job`);
  return EXIT.ok.code;
}

/** Submits the job with the edited input. If that fails, it says where the input is kept. */
async function submitEdited(
  deadLetter: DeadLetterDetail,
  { bytes, file, remove }: EditedText,
  { api, output, startTrace }: Scope,
): Promise<Job> {
  const attributes = { [ATTR.httpMethod]: 'POST', [ATTR.urlFull]: api.jobsUrl };
  try {
    const what = 'the edited input';
    const body = submissionOf(deadLetter, parseInput(utf8Text(bytes, what), what));
    const trace = await startTrace();
    const { job } = await trace.run('submit edited', attributes, (carrier) =>
      api.submit(body, { trace: carrier }),
    );
    await remove();
    return job;
  } catch (thrown) {
    output.warn(keptText(file));
    throw thrown;
  }
}

/** A job like the dead one, with another input. */
function submissionOf({ operation, headers, tags }: DeadLetterDetail, input: unknown): Submission {
  const known = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value]]));
  const spec = readJobSpec((name) => known.get(name) ?? []);
  const { maxAttempts, timeoutMs, priority, orderingKey } = spec;
  const timeout = timeoutMs === undefined ? undefined : `${timeoutMs}ms`;
  const callback = spec.callback && { ...spec.callback, events: [...spec.callback.events] };
  const others = defined({ tags, maxAttempts, timeout, priority, orderingKey, callback });
  return { operation, input, ...others };
}
