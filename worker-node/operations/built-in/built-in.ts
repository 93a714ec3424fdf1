import * as z from 'zod';
import type { WorkerConfig } from '../../config.ts';
import { defineOperation, type Operation } from '../operation.ts';
import { OpenAddresses } from '../targets/addresses.ts';
import { AllowList } from '../targets/allow-list.ts';
import { guardedLookup } from '../targets/guarded-lookup.ts';
import { canary } from './canary.ts';
import { httpRequest } from './http-request.ts';

/**
 * Makes the operations that every worker has.
 * @param baggageAllow the origins that get `tracestate` and `baggage`
 * @throws ThroughlineError `config-invalid` naming `HTTP_REQUEST_ALLOW` or `TARGET_ADDRESSES_ALLOW`
 */
export function builtInOperations(
  config: Pick<WorkerConfig, 'HTTP_REQUEST_ALLOW' | 'TARGET_ADDRESSES_ALLOW' | 'WORKER_CANARY'>,
  baggageAllow: AllowList,
): Operation[] {
  const open = new OpenAddresses(config.TARGET_ADDRESSES_ALLOW);
  const lookup = guardedLookup((address) => open.has(address), 'TARGET_ADDRESSES_ALLOW');
  const request = httpRequest({ allow: new AllowList(config.HTTP_REQUEST_ALLOW), lookup, baggageAllow });
  return [echo, request, ...(config.WORKER_CANARY ? [canary] : [])];
}

/** An operation that returns its input. Use it for a first job, and to check that the whole path works. */
const echo = defineOperation({
  name: 'echo',
  description: 'Gives its input back.',
  input: z.unknown(),
  timeout: '10s',
  run: ({ input }) => input,
});
