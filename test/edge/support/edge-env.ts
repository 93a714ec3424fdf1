import type { Env } from '../../../edge/config.ts';

/** A Durable Object namespace, as far as the settings look at it. */
export const NAMESPACE = { getByName: () => undefined };

/** A Worker's bindings: the least that is needed, and more. The Durable Objects answer nothing. */
export function edgeEnv(more: Readonly<Record<string, unknown>> = {}): Env {
  const objects = { BRIDGE: NAMESPACE, JOB_INDEX: NAMESPACE, SCHEDULES: NAMESPACE };
  return { ...objects, NATS_URL: 'wss://nats.example', API_KEYS: '[]', ...more } as unknown as Env;
}
