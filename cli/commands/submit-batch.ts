import type { BatchResult } from '../../shared/api/batch.ts';
import { escapeControls } from '../../shared/text/terminal-text.ts';
import { EXIT } from '../exit-code.ts';
import type { Scope } from '../host.ts';
import { chunksOf, readBatch } from '../input/batch-input.ts';
import { jobLine } from '../text/job-text.ts';
import { type CallerTrace, HTTP } from '../trace/caller-trace.ts';

/**
 * Submits the jobs of a file, as one trace, and prints a line for each as soon as it is answered.
 * @param file a path, or `-` for standard input
 * @param idempotencyKey counts for each place in the file
 * @returns the exit code: not 0 when a job was refused
 * @throws ApiError or CliError where a whole request is refused; what was printed before is accepted
 */
export async function submitBatch(
  caller: CallerTrace,
  file: string,
  idempotencyKey: string | undefined,
  { api, output, stdin, signal }: Scope,
): Promise<number> {
  const jobs = await readBatch(file, { stdin, signal });
  const attributes = { [HTTP.method]: 'POST', [HTTP.url]: `${api.jobsUrl}/batch` };
  const status = output.statusLine();
  let exit: number = EXIT.ok.code;
  let done = 0;
  try {
    await caller.run('submit batch', attributes, async (trace) => {
      for (const { offset, jobs: some } of chunksOf(jobs)) {
        status.show(`${offset} of ${jobs.length}`);
        const key = idempotencyKey === undefined ? undefined : `${idempotencyKey}/${offset}`;
        const { results } = await api.submitBatch(some, { trace, idempotencyKey: key });
        status.clear();
        for (const [index, result] of results.entries()) {
          if (output.json) output.line(result);
          else output.text(resultText(offset + index, result));
          exit = Math.max(exit, exitOf(result));
        }
        done = offset + results.length;
      }
    });
  } catch (thrown) {
    if (done > 0) output.warn(`${done} of ${jobs.length} were answered before this`);
    throw thrown;
  } finally {
    status.clear();
  }
  return exit;
}

/** A refusal that may pass by itself weighs more than one that will not. */
function exitOf(result: BatchResult): number {
  if ('job' in result) return EXIT.ok.code;
  return result.status >= 500 ? EXIT.unavailable.code : EXIT.usage.code;
}

function resultText(place: number, result: BatchResult): string {
  if ('job' in result) return `${escapeControls(result.job.id)} ${jobLine(result.job)}`;
  const { code, detail } = result.problem;
  return `job ${place + 1} refused: ${escapeControls(`${detail} (${code})`)}`;
}
