import type { CancelFilter } from '../../client/options.ts';
import type { CancelReport } from '../../shared/api/answers/cancel-report.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import { EXIT } from '../exit-code.ts';
import type { Scope } from '../host.ts';
import { confirmBulk, progressText, reportPart } from '../operate/confirm.ts';
import { countJobs } from '../operate/count.ts';
import { readPages } from '../operate/pages.ts';
import { whenNotBusy } from '../operate/when-busy.ts';
import type { Count } from '../text/counted.ts';

/** A job that ended by itself before its turn came needs no cancel. */
const ENDED: string = 'job-finished' satisfies ErrorCode;

/**
 * Cancels all jobs that the filter selects and that have not ended, and prints how many. Asks before.
 * @param yes whether `--yes` was given: then it does not ask
 * @returns the exit code: not 0 when a job could not be cancelled
 * @throws ApiError or CliError; the jobs that were cancelled before stay cancelled
 */
export async function cancelAll(filter: CancelFilter, yes: boolean, scope: Scope): Promise<number> {
  const { output } = scope;
  const { goOn, total } = await confirmBulk(
    { verb: 'Cancel', noun: 'job', yes, count: () => countJobs(filter, scope) },
    scope,
  );
  if (!goOn) return EXIT.ok.code;
  const { cancelled, stopping, failed, complete } = await cancelEach(filter, total, scope);
  output.result(
    { cancelled, stopping, failed, complete },
    () => `${cancelled.length} cancelled, ${stopping.length} told to end`,
  );
  for (const { id, code } of failed) if (code !== ENDED) output.warn(`${id} was not cancelled (${code})`);
  if (!complete)
    output.warn('some jobs may be left, because the message broker did not answer in time; try again');
  return failed.every(({ code }) => code === ENDED) ? EXIT.ok.code : EXIT.unavailable.code;
}

/** Cancels page by page, in one span. Says what was cancelled if an error ends it. */
async function cancelEach(
  filter: CancelFilter,
  expected: Count | undefined,
  scope: Scope,
): Promise<CancelReport> {
  const { api, output } = scope;
  const total: CancelReport = { cancelled: [], stopping: [], failed: [], complete: true };
  const status = await output.statusLine();
  const trace = await scope.startTrace();
  const attributes = { [ATTR.httpMethod]: 'POST', [ATTR.urlFull]: `${api.jobsUrl}/cancel` };
  try {
    await trace.run('cancel all', attributes, async (carrier) => {
      const show = (): void =>
        status.show(progressText(total.cancelled.length + total.stopping.length, 'cancelled', expected));
      const read = (cursor: string | undefined): Promise<CancelReport> =>
        whenNotBusy(() => api.cancelMany({ ...filter, cursor }, { trace: carrier }), scope);
      show();
      for await (const page of readPages(read)) {
        total.cancelled.push(...page.cancelled);
        total.stopping.push(...page.stopping);
        total.failed.push(...page.failed);
        total.complete &&= page.complete;
        show();
      }
    });
    return total;
  } catch (thrown) {
    status.clear();
    const done = `${total.cancelled.length} were cancelled and ${total.stopping.length} told to end`;
    const count = total.cancelled.length + total.stopping.length;
    reportPart({ count, report: { ...total, complete: false }, done }, scope);
    throw thrown;
  } finally {
    status.clear();
  }
}
