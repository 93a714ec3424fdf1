/** The package `throughline/worker`: `import { defineOperation } from 'throughline/worker'`. */

export {
  getActiveSpan,
  getBaggage,
  startSpan,
  withBaggage,
  withSpan,
} from './operations/author-tracing.ts';
export { JobError } from './operations/job-error.ts';
export { defineOperation, type Operation, type RunContext } from './operations/operation.ts';
export { done, type Outcome, reject, retry, retryAfter } from './operations/outcome.ts';
