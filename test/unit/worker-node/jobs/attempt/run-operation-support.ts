import * as z from 'zod';
import type { ThroughlineError } from '../../../../../shared/errors.ts';
import { AttemptAbort } from '../../../../../worker-node/jobs/attempt/attempt-abort.ts';
import type { AttemptOutcome } from '../../../../../worker-node/jobs/attempt/attempt-outcome.ts';
import { type RunOptions, runOperation } from '../../../../../worker-node/jobs/attempt/run-operation.ts';
import {
  defineOperation,
  type OperationDefinition,
  type RunContext,
} from '../../../../../worker-node/operations/operation.ts';
import { attempt, runOptions } from '../../support.ts';

export type Definition = Partial<OperationDefinition>;
export type Handler = (context: RunContext<unknown>) => unknown;

export interface Given extends Partial<RunOptions> {
  readonly input?: unknown;
  readonly timeoutMs?: number;
}

/** Runs one attempt of an operation with this handler. */
export function run(
  handler: Handler,
  definition: Definition = {},
  given: Given = {},
): Promise<AttemptOutcome> {
  const operation = defineOperation({
    name: 'test',
    input: z.unknown(),
    ...definition,
    run: handler,
  });
  const { input, timeoutMs, ...options } = given;
  const job = attempt({ input, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
  return runOperation(operation, job, runOptions(options));
}

export function abortedBy(reason: ThroughlineError): AttemptAbort {
  const abort = new AttemptAbort();
  abort.abort(reason);
  return abort;
}

export const NO_PROGRESS = { report: () => undefined, stop: () => undefined };
export function circle(): unknown {
  const list: unknown[] = [];
  list.push({ list });
  return list;
}
export const never = (): Promise<never> => new Promise(() => undefined);
