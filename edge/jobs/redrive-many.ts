import type { RedriveReport } from '../../shared/api/dead-letter.ts';
import { errorFrom } from '../../shared/error-table.ts';
import { DEAD_STREAM } from '../../shared/nats/streams.ts';
import { deadLettersFilter } from '../../shared/wire/subjects.ts';
import type { LimitedCommand } from '../calls/commands.ts';
import { REDRIVE_MANY_BUDGET_MS, type RedriveManyCommand } from '../calls/dead-letter-commands.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { StoredMessage } from '../nats/stored-message.ts';
import { deadLetterOf, deadLettersFrom, hasTags } from './dead-letters.ts';
import { type RedriveParts, redriveDeadLetter } from './redrive.ts';

/**
 * Redrives many dead letters of a tenant, the oldest first, until `limit` of them were tried, the time is up, or a
 * quota of the tenant is used up. Only dead letters that existed at the first request are redriven.
 * @param sinceMs when the request began to wait, in epoch milliseconds
 * @throws ThroughlineError `broker-unavailable`, `quota-exceeded` before any dead letter was tried. Afterwards the cursor of
 *   the report leads to the rest
 */
export async function redriveMany(
  parts: RedriveParts,
  session: BrokerSession,
  command: RedriveManyCommand,
  sinceMs = Date.now(),
): Promise<RedriveReport> {
  const { tenant, operation, reason, tags, limit } = command;
  const until = sinceMs + REDRIVE_MANY_BUDGET_MS;
  const to = command.to ?? (await lastSequence(session, tenant, operation));
  const redriven: string[] = [];
  const failed: { id: string; code: string }[] = [];
  const rest = (from: number): RedriveReport => ({ redriven, failed, cursor: `${from}-${to}` });
  let next = command.from;
  try {
    for await (const deadLetter of deadLettersFrom(session, command)) {
      if (deadLetter.sequence > to) break;
      if (redriven.length + failed.length === limit || Date.now() > until) return rest(deadLetter.sequence);
      next = deadLetter.sequence;
      const { id, ...letter } = deadLetterOf(deadLetter);
      if ((reason === undefined || letter.reason === reason) && hasTags(letter, tags)) {
        const failure = await tryOne(parts, session, command, deadLetter);
        if (failure === undefined) redriven.push(id);
        else failed.push({ id, code: failure });
      }
      next++;
    }
  } catch (thrown) {
    // The report must say what was done before the broker failed or the quota was used up.
    if (redriven.length + failed.length === 0) throw thrown;
    return rest(next);
  }
  return { redriven, failed };
}

async function lastSequence(
  session: BrokerSession,
  tenant: string,
  operation: string | undefined,
): Promise<number> {
  return (await session.lastMessage(DEAD_STREAM, deadLettersFilter(tenant, operation)))?.sequence ?? 0;
}

/**
 * Redrives one dead letter.
 * @returns the error code if the redrive failed, otherwise undefined
 * @throws ThroughlineError `quota-exceeded`: the next dead letters would be refused too
 */
async function tryOne(
  parts: RedriveParts,
  session: BrokerSession,
  command: LimitedCommand,
  deadLetter: StoredMessage,
): Promise<string | undefined> {
  try {
    await redriveDeadLetter(parts, session, command, deadLetter);
    return undefined;
  } catch (thrown) {
    const error = errorFrom(thrown);
    if (error.code === 'quota-exceeded') throw error;
    if (error.code === 'internal') parts.log.error('a redrive failed', { reason: String(error.cause) });
    return error.code;
  }
}
