import { Hono } from 'hono';
import type { OperationList } from '../../../shared/api/operation.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { rateLimit } from '../middleware/rate-limit.ts';
import { requireScope } from '../middleware/require-scope.ts';
import type { EdgeHono } from '../scope.ts';

/** `/v1/operations`: what can be run, as the workers announced it. */
export function operationRoutes(): Hono<EdgeHono> {
  const app = new Hono<EdgeHono>();
  app.use(authenticate(), rateLimit());
  app.get('/', requireScope('jobs:read'), async (c) =>
    c.json<OperationList>({ operations: await c.env.bridge.operations() }),
  );
  return app;
}
