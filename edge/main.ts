import type { Env } from './config.ts';
import { answerRequest } from './edge.ts';

/** The Worker. workerd takes each export of this file for a handler or the class of a Durable Object. */
export default { fetch: answerRequest } satisfies ExportedHandler<Env>;

export { Bridge, JobIndex, Schedules } from './edge.ts';
