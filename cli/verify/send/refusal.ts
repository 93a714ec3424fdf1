import { ApiError } from '../../../client/errors.ts';
import { CANARY_OPERATION } from '../../../shared/trace/canary.ts';
import type { Fault } from '../report.ts';

/** A canary cannot be checked here, although nothing is broken. The message says why. */
export class CannotCheck extends Error {}

/** What to throw if a redrive was refused. */
export function redriveRefusal(thrown: unknown): unknown {
  if (!(thrown instanceof ApiError) || thrown.code !== 'forbidden') return thrown;
  return new CannotCheck('the key may not redrive its job: it needs the scope dead-letters:redrive', {
    cause: thrown,
  });
}

/** What it means that the API does not take a canary: it cannot be checked here, or something is broken. */
export function refusal({ code, message }: ApiError): { readonly skip: string } | { readonly fault: Fault } {
  if (code === 'delay-unsupported') return { skip: 'this nats-server has no delayed jobs' };
  return { fault: { hop: 'job', found: `the API refused the canary: ${message}`, cause: causeOf(code) } };
}

function causeOf(code: string): string {
  if (code === 'operation-unknown' || code === 'operation-unserved') {
    return `no worker that is alive has ${CANARY_OPERATION}: it may be switched off (WORKER_CANARY), left out by WORKER_OPERATIONS, or the workers are older than it`;
  }
  if (code === 'rate-limited' || code === 'quota-exceeded')
    return 'the tenant of the key has no room for more jobs now: try again later, or send fewer with --canary';
  if (code === 'forbidden')
    return `the key needs the scopes jobs:write (or jobs:write:${CANARY_OPERATION}) and jobs:read`;
  return 'look with `throughline doctor`';
}
