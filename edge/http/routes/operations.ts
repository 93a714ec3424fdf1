import type { OperationList } from '../../../shared/api/answers/operation-list.ts';
import { EdgeApp } from '../edge-app.ts';
import { authenticate, requireScope } from '../middleware/access.ts';
import { noQuery } from '../requests/read-request.ts';

/** `/v1/operations`: the operations that workers have announced. */
export function operationRoutes(): EdgeApp {
  const app = new EdgeApp();
  app.use(authenticate());
  app.get('/', requireScope('jobs:read'), noQuery(), async (c) =>
    c.json<OperationList>({ operations: await c.env.bridge.operations() }),
  );
  return app;
}
