/** The least that answers: a Worker with the Durable Objects of ours, which do nothing. */
import { DurableObject } from 'cloudflare:workers';

export class Bridge extends DurableObject {}
export class JobIndex extends DurableObject {}
export class Schedules extends DurableObject {}

export default { fetch: () => new Response('ok') };
