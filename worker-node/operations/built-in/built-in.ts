import type { WorkerConfig } from '../../config.ts';
import type { Operation } from '../operation.ts';
import { AllowList } from './allow-list.ts';
import { echo } from './echo.ts';
import { httpRequest } from './http-request.ts';

/** What every worker can run. @throws ThroughlineError `config-invalid` naming `HTTP_REQUEST_ALLOW` */
export function builtInOperations(config: Pick<WorkerConfig, 'HTTP_REQUEST_ALLOW'>): Operation[] {
  return [echo, httpRequest(new AllowList(config.HTTP_REQUEST_ALLOW))];
}
