import { Hono } from 'hono';
import type { Health, Readiness } from '../../shared/health.ts';
import type { EdgeHono } from '../scope.ts';

/** `/healthz`: this Worker runs. `/readyz`: and NATS answers its bridge; 503 with a problem document when not. */
export function healthRoutes(): Hono<EdgeHono> {
  const app = new Hono<EdgeHono>();
  app.get('/healthz', (c) => c.json<Health>({ status: 'ok' }));
  app.get('/readyz', async (c) => c.json<Readiness>({ status: 'ready', nats: await c.env.bridge.status() }));
  return app;
}
