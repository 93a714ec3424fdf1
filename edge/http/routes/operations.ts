import { Hono } from 'hono';
import type { OperationList } from '../../../shared/api/operation.ts';
import { authenticate, requireScope } from '../middleware/access.ts';
import { rateLimit } from '../middleware/rate-limit.ts';
import type { EdgeHono } from '../request-context.ts';

/** `/v1/operations`: the operations that workers have announced. */
export function operationRoutes(): Hono<EdgeHono> {
  const app = new Hono<EdgeHono>();
  app.use(authenticate(), rateLimit());
  app.get('/', requireScope('jobs:read'), async (c) =>
    c.json<OperationList>({ operations: await c.env.bridge.operations() }),
  );
  return app;
}
