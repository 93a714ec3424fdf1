import * as z from 'zod';
import type { WorkerConfig } from '../../config.ts';
import { defineOperation, type Operation } from '../operation.ts';
import { AllowList } from '../targets/allow-list.ts';
import { httpRequest } from './http-request.ts';

/** Makes the operations that every worker has. @throws ThroughlineError `config-invalid` naming `HTTP_REQUEST_ALLOW` */
export function builtInOperations(config: Pick<WorkerConfig, 'HTTP_REQUEST_ALLOW'>): Operation[] {
  return [echo, httpRequest(new AllowList(config.HTTP_REQUEST_ALLOW))];
}

/** An operation that returns its input. Use it for a first job, and to check that the whole path works. */
const echo = defineOperation({
  name: 'echo',
  description: 'Gives its input back.',
  input: z.unknown(),
  timeout: '10s',
  run: ({ input }) => input,
});
