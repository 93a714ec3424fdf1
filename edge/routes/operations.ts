import { Hono } from 'hono';
import { authenticate } from '../middleware/authenticate.ts';
import type { EdgeHono } from '../scope.ts';

/** `/v1/operations`: what can be run, as the workers announced it. */
export function operationRoutes(): Hono<EdgeHono> {
  const app = new Hono<EdgeHono>();
  app.use(authenticate());
  app.get('/', async (c) => c.json({ operations: await c.env.bridge.operations() }));
  return app;
}
