import { describeThrown } from '../../shared/errors.ts';
import type { NatsReport } from '../../worker-node/broker/operate/nats-report.ts';
import type { Environment } from '../config.ts';

/** What NATS said, or why it was not asked or did not answer. */
export type NatsAnswer =
  | { readonly report: NatsReport }
  /** `isFault`: NATS was asked, and did not answer as it should. */
  | { readonly unasked: string; readonly isFault: boolean };

/** Asks NATS directly, if the environment says where it is. Never throws. */
export async function askNats(environment: Environment): Promise<NatsAnswer> {
  if ((environment.NATS_URL ?? '') === '') {
    const unasked = 'NATS_URL is not set (it takes the settings of `throughline setup`)';
    return { unasked, isFault: false };
  }
  // Imported only here, so that other commands do not load a NATS client.
  const { withOperator } = await import('../../worker-node/broker/operate/operator-session.ts');
  const { natsReport } = await import('../../worker-node/broker/operate/nats-report.ts');
  try {
    return { report: await withOperator(environment, () => undefined, natsReport) };
  } catch (thrown) {
    return { unasked: describeThrown(thrown), isFault: true };
  }
}
