import type { Context } from 'hono';
import { errorFrom } from '../../../shared/error-table.ts';
import { clientAddress } from '../../access/client-address.ts';
import type { EdgeHono } from '../edge-app.ts';

/** The actions on accepted jobs and on schedules. */
export type AuditedAction =
  | 'cancel'
  | 'cancel-many'
  | 'redrive'
  | 'redrive-many'
  | 'outbox-retry'
  | 'outbox-remove'
  | `schedule-${'put' | 'delete' | 'pause' | 'resume' | 'trigger'}`;
type Fields = Readonly<Record<string, unknown>>;

/**
 * Does an action, and writes an audit line: who did what to which job, from where, in which trace, and how it ended. A
 * failure is written too: after a timeout, nobody knows whether the action was done.
 * @param fields what the action is done to, such as `job_id`
 * @param describe gives more fields, from what `work` returned
 * @throws what `work` throws
 */
export async function audited<T>(
  c: Context<EdgeHono>,
  action: AuditedAction,
  fields: Fields,
  work: () => Promise<T>,
  describe: (done: T) => Fields = () => ({}),
): Promise<T> {
  const { tenant, keyId, subject } = c.env.requestContext.identity ?? {};
  const write = (outcome: string, more: Fields = {}): void =>
    c.env.audit('audit', {
      action,
      outcome,
      ...fields,
      ...more,
      tenant,
      key_id: keyId,
      subject,
      client_address: clientAddress(c.req.raw),
    });
  try {
    const done = await work();
    write('done', describe(done));
    return done;
  } catch (thrown) {
    write(errorFrom(thrown).code);
    throw thrown;
  }
}
