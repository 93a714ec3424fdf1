import type { RedriveReport } from '../../../shared/api/answers/dead-letter.ts';
import type { Carrier } from '../../../shared/propagation/carrier.ts';
import { ATTR } from '../../../shared/trace/semantics.ts';
import { EXIT } from '../../exit-code.ts';
import type { Scope } from '../../host.ts';
import { confirmBulk, progressText, reportPart } from '../../operate/confirm.ts';
import { countDeadLetters } from '../../operate/count.ts';
import { readPages } from '../../operate/pages.ts';
import { whenNotBusy } from '../../operate/when-busy.ts';
import type { Count } from '../../text/counted.ts';

/** Which dead letters are sent again. */
interface RedriveFilter {
  readonly operation?: string | undefined;
  readonly reason?: string | undefined;
  readonly tags?: readonly string[] | undefined;
}

/**
 * Redrives all dead letters that the filter selects, and prints how many. Asks before.
 * @param yes whether `--yes` was given: then it does not ask
 * @returns the exit code: not 0 when a dead letter could not be redriven
 * @throws ApiError or CliError; the dead letters that were redriven before stay so
 */
export async function redriveAll(filter: RedriveFilter, yes: boolean, scope: Scope): Promise<number> {
  const { output } = scope;
  const { goOn, total } = await confirmBulk(
    { verb: 'Redrive', noun: 'dead letter', yes, count: () => countDeadLetters(filter, scope) },
    scope,
  );
  if (!goOn) return EXIT.ok.code;
  const { redriven, failed } = await redriveEach(filter, total, scope);
  output.result({ redriven, failed }, () => `${redriven.length} redriven`);
  for (const { id, code } of failed) output.warn(`${id} is still a dead letter (${code})`);
  return failed.length === 0 ? EXIT.ok.code : EXIT.unavailable.code;
}

/** Redrives all that the filter selects, in one span. Says what was sent if an error ends it. */
async function redriveEach(
  filter: RedriveFilter,
  expected: Count | undefined,
  scope: Scope,
): Promise<RedriveReport> {
  const { api, output } = scope;
  const total: RedriveReport = { redriven: [], failed: [] };
  const status = await output.statusLine();
  const trace = await scope.startTrace();
  const attributes = { [ATTR.httpMethod]: 'POST', [ATTR.urlFull]: api.deadLettersUrl };
  try {
    await trace.run('redrive all', attributes, async (carrier) => {
      status.show(progressText(0, 'redriven', expected));
      for await (const { redriven, failed, stopped } of redrivePages(filter, carrier, scope)) {
        total.redriven.push(...redriven);
        total.failed.push(...failed);
        if (stopped !== undefined && stopped !== total.stopped)
          output.warn(`the API ended a request early (${stopped}); the rest is tried now`);
        total.stopped = stopped;
        status.show(progressText(total.redriven.length, 'redriven', expected));
      }
    });
    return total;
  } catch (thrown) {
    status.clear();
    const count = total.redriven.length;
    reportPart({ count, report: total, done: `${count} were redriven` }, scope);
    throw thrown;
  } finally {
    status.clear();
  }
}

/**
 * Redrives page by page. The cursor leads to the last dead letter that existed at the start, and to none after it. It may come
 * again: the one that it leads to may be left again, while others are redriven.
 */
function redrivePages(filter: RedriveFilter, trace: Carrier, scope: Scope): AsyncGenerator<RedriveReport> {
  const done = new Set<string>();
  return readPages(
    (cursor) => whenNotBusy(() => scope.api.redriveMany({ ...filter, cursor }, { trace }), scope),
    undefined,
    ({ redriven }) => {
      const before = done.size;
      for (const id of redriven) done.add(id);
      return done.size > before;
    },
  );
}
