/** The package `throughline/worker`: `import { defineOperation } from 'throughline/worker'`. */
export { defineOperation, type Operation, type RunContext } from './operations/operation.ts';
export { done, type Outcome, reject, retry, retryAfter } from './operations/outcome.ts';
