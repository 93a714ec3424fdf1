import { hostEnvironment } from '../../dev/machine/environment.ts';
import { autocannon } from './autocannon.ts';
import type { Sender } from './load.ts';
import { findWrk, wrkSender } from './wrk.ts';

/**
 * The program that sends loads here: wrk (https://github.com/wg/wrk), which takes less processor time; autocannon where there is no wrk.
 * @throws ThroughlineError `config-invalid` if there is a wrk that cannot start
 */
export async function findSender(environment: NodeJS.ProcessEnv = hostEnvironment()): Promise<Sender> {
  const wrk = await findWrk(environment);
  return wrk === undefined ? autocannon() : wrkSender(wrk);
}
