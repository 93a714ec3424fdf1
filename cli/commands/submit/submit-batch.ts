import type { Submission } from '../../../client/options.ts';
import type { BatchResult } from '../../../shared/api/answers/batch-report.ts';
import { isIdempotencyKey } from '../../../shared/job/job-address.ts';
import { escapeControls } from '../../../shared/text/terminal/escape-controls.ts';
import { ATTR } from '../../../shared/trace/semantics.ts';
import { CliError } from '../../cli-error.ts';
import { EXIT } from '../../exit-code.ts';
import type { Scope } from '../../host.ts';
import { chunksOf, readBatch } from '../../input/batch-input.ts';
import { whenNotBusy } from '../../operate/when-busy.ts';
import { jobLine } from '../../text/job-text.ts';
import type { Output } from '../../text/output.ts';
import type { CallerTrace } from '../../trace/caller-trace.ts';

/** The fields of a job that options of the command line set. */
export type JobOptions = Partial<Omit<Submission, 'operation' | 'input'>>;

/**
 * Submits the jobs of a file, in one trace if spans are recorded here, and prints a line for each as soon as it is answered.
 * @param file a path, or `-` for standard input
 * @param options what a job gets that does not say it itself
 * @param idempotencyKey the key of the whole file; each chunk of it gets its own from this
 * @returns the exit code: not 0 when a job was refused
 * @throws ApiError or CliError when a whole request is refused; the jobs printed before are accepted
 */
export async function submitBatch(
  file: string,
  options: JobOptions,
  idempotencyKey: string | undefined,
  trace: CallerTrace,
  scope: Scope,
): Promise<number> {
  const { api, output } = scope;
  const jobs = (await readBatch(file, scope)).map((job) => withOptions(job, options));
  const keyAt = keysOf(idempotencyKey, jobs.length);
  const attributes = { [ATTR.httpMethod]: 'POST', [ATTR.urlFull]: `${api.jobsUrl}/batch` };
  const status = await output.statusLine();
  let answered = 0;
  let exit: number = EXIT.ok.code;
  try {
    await trace.run('submit batch', attributes, async (carrier) => {
      for (const { offset, jobs: chunk } of chunksOf(jobs)) {
        status.show(`${offset} of ${jobs.length}`);
        const call = { trace: carrier, idempotencyKey: keyAt(offset) };
        const { results } = await whenNotBusy(() => api.submitBatch(chunk, call), scope);
        status.clear();
        printResults(results, offset, output);
        answered += results.length;
        exit = Math.max(exit, ...results.map(exitOf));
      }
    });
  } catch (thrown) {
    if (answered > 0) output.warn(`${answered} of ${jobs.length} were answered before this error`);
    throw thrown;
  } finally {
    status.clear();
  }
  return exit;
}

/**
 * Gives each chunk a key of its own, by the place of its first job.
 * @throws CliError `usage-invalid` if the key is too long for that
 */
function keysOf(key: string | undefined, count: number): (offset: number) => string | undefined {
  if (key === undefined) return () => undefined;
  const isQuoted = key.startsWith('"');
  const keyAt = (offset: number): string =>
    isQuoted ? `${key.slice(0, -1)}/${offset}"` : `${key}/${offset}`;
  if (isIdempotencyKey(keyAt(count))) return keyAt;
  throw new CliError('usage-invalid', `--idempotency-key is too long for a batch of ${count} jobs`, {
    hint: `each request gets it with the place of its first job, so leave ${String(count).length + 1} characters free`,
  });
}

/** What is not an object stays as it is, and the API refuses it. */
function withOptions(job: unknown, options: JobOptions): unknown {
  return typeof job === 'object' && job !== null && !Array.isArray(job) ? { ...options, ...job } : job;
}

function printResults(results: readonly BatchResult[], offset: number, output: Output): void {
  for (const [index, result] of results.entries()) {
    if (output.json) output.line(result);
    else output.text(resultText(offset + index, result));
  }
}

function resultText(place: number, result: BatchResult): string {
  if ('job' in result) {
    const { job, existing } = result;
    return `${escapeControls(job.id)} ${jobLine(job)}${existing === true ? ' · was there already' : ''}`;
  }
  const { code, detail } = result.problem;
  return `job ${place + 1} refused: ${escapeControls(`${detail} (${code})`)}`;
}

/** A batch exits with the highest code of its jobs, so a failure of the API counts more than a wrong job. */
function exitOf(result: BatchResult): number {
  if ('job' in result) return EXIT.ok.code;
  return result.status >= 500 ? EXIT.unavailable.code : EXIT.usage.code;
}
