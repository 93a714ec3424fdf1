import type { UsageReport } from '../../../shared/api/usage.ts';
import { quotasOf } from '../../access/quotas.ts';
import { EdgeApp } from '../edge-app.ts';
import { authenticate, requireScope } from '../middleware/access.ts';
import { rateLimit } from '../middleware/rate-limit.ts';
import { noQuery, tenantOf } from '../requests/read-request.ts';

/** `/v1/usage`: what the unfinished jobs of the tenant take, and its quotas. */
export function usageRoutes(): EdgeApp {
  const app = new EdgeApp();
  app.use(authenticate(), rateLimit());
  app.get('/', requireScope('jobs:read'), noQuery(), async (c) => {
    const tenant = tenantOf(c);
    const used = await c.env.index.usage(tenant);
    return c.json<UsageReport>({ used, quotas: quotasOf(c.env.config, tenant) });
  });
  return app;
}
