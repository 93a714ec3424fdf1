import type { OperationAnnouncement } from '../../shared/api/operation.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { describeThrown } from '../../shared/errors.ts';
import { limitKeyValue, TENANT_KEY } from '../../shared/job/limit-key.ts';
import { sha256Hex } from '../../shared/text/secret.ts';
import type { SubmitCommand } from '../calls/commands.ts';
import type { StartTimeCommand } from '../calls/index-commands.ts';
import { checkDelaySupport } from '../jobs/publish-job.ts';
import type { RequestBroker } from '../nats/request-broker.ts';
import type { Logger } from '../telemetry/log.ts';
import type { StoreRoom } from './store/store-room.ts';

/** How long a submission waits until the index gives its job a time. */
const INDEX_PATIENCE_MS = 1_000;

interface StartTimeParts {
  readonly index: { readonly startTime: (command: StartTimeCommand) => Promise<number | undefined> };
  readonly room: Pick<StoreRoom, 'take'>;
  readonly log: Logger;
}

/** The part of a job's spec that makes it wait for its time. */
interface Due {
  readonly dueAt: string;
  readonly dueBy: 'rateLimit';
}

/**
 * The time at which a new job may start, for an operation that limits how many jobs start within a period. A job that must wait is
 * delayed, so that no worker has to hold it until then. The worker keeps the limit in any case. So a job goes to the queue at once if
 * it cannot be delayed: its caller asked for another time, NATS is away, NATS cannot delay jobs or has no room for them, or the index
 * does not answer in time.
 * @param bytes the size of the job's input
 * @returns undefined if the job goes to the queue at once
 */
export async function startTimeOf(
  parts: StartTimeParts,
  broker: RequestBroker,
  command: SubmitCommand,
  { rateLimit }: Pick<OperationAnnouncement, 'rateLimit'>,
  bytes: number,
): Promise<Due | undefined> {
  const { session } = broker;
  if (rateLimit === undefined || command.spec.dueAt !== undefined || session === undefined) return undefined;
  try {
    checkDelaySupport(session);
    const at = await broker.inTime(timeOf(parts, command, rateLimit));
    if (at === undefined || at <= Date.now()) return undefined;
    await broker.ask((one) => parts.room.take(one, command.jobId, bytes));
    return { dueAt: new Date(at).toISOString(), dueBy: 'rateLimit' };
  } catch (thrown) {
    parts.log.debug('a job with a limit of rate gets no time', { reason: describeThrown(thrown) });
    return undefined;
  }
}

async function timeOf(
  { index }: StartTimeParts,
  { tenant, operation, inputJson }: SubmitCommand,
  { key, limit, periodMs }: NonNullable<OperationAnnouncement['rateLimit']>,
): Promise<number | undefined> {
  const value = key === TENANT_KEY ? '' : limitKeyValue(key, JSON.parse(inputJson));
  const parts = [tenant, operation, key, value];
  const hash = await sha256Hex(parts.join('\n'));
  const asked = index.startTime({ tenant, key: hash, limit, periodMs });
  return await withDeadline(asked, INDEX_PATIENCE_MS, () => new Error('the index did not answer in time'));
}
