import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import type { NatsReport } from '../../worker-node/broker/operate/nats-report.ts';
import { type Environment, namesNats } from '../config.ts';

/** What NATS said, or why it was not asked or did not answer. */
export type NatsAnswer =
  | { readonly report: NatsReport }
  /** `fault`: NATS did not answer as it should, or a setting that says how to ask it is not valid. */
  | { readonly unasked: string; readonly fault?: 'nats-unreachable' | 'setting-invalid' };

/** Asks NATS directly, if the environment says where it is. Never throws. */
export async function askNats(environment: Environment): Promise<NatsAnswer> {
  if (!namesNats(environment))
    return { unasked: 'NATS_URL is not set (it takes the settings of `throughline setup`)' };
  // Imported only here, so that other commands do not load a NATS client.
  const { withOperator } = await import('../../worker-node/broker/operate/operator-session.ts');
  const { natsReport } = await import('../../worker-node/broker/operate/nats-report.ts');
  try {
    return { report: await withOperator(environment, () => undefined, natsReport) };
  } catch (thrown) {
    const isInvalid = thrown instanceof ThroughlineError && thrown.code === 'config-invalid';
    const fault = isInvalid ? 'setting-invalid' : 'nats-unreachable';
    return { unasked: describeThrown(thrown), fault };
  }
}
