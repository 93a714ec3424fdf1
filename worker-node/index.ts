/** What an operation's author imports: `import { defineOperation } from 'throughline/worker'`. */
export { defineOperation, type Operation, type RunContext } from './jobs/operation.ts';
export { done, type Outcome, reject, retry, retryAfter } from './jobs/outcome.ts';
