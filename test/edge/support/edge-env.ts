import type { Env } from '../../../edge/config.ts';

/** A Worker's bindings: the least that is needed, and more. The Durable Objects are not there. */
export function edgeEnv(more: Readonly<Record<string, unknown>> = {}): Env {
  const least = { BRIDGE: {}, JOB_INDEX: {}, SCHEDULES: {}, NATS_URL: 'wss://nats.example', API_KEYS: '[]' };
  return { ...least, ...more } as unknown as Env;
}
