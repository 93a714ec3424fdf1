/** The least that answers: a Worker with the Durable Objects of ours, which do nothing. Nobody reads the body. */
import { DurableObject } from 'cloudflare:workers';

interface Env {
  readonly BRIDGE: DurableObjectNamespace<Bridge>;
  /** If it is set, each request calls an object. */
  readonly CALL_OBJECT?: string;
}

export class Bridge extends DurableObject<Env> {
  nothing(): void {}
}
export class JobIndex extends DurableObject {}
export class Schedules extends DurableObject {}

export default {
  fetch: (_request, env) => (env.CALL_OBJECT === undefined ? new Response('ok') : callObject(env)),
} satisfies ExportedHandler<Env>;

async function callObject({ BRIDGE }: Env): Promise<Response> {
  await BRIDGE.getByName('bridge-0').nothing();
  return new Response('ok');
}
