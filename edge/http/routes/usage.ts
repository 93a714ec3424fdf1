import type { BridgeUsage, UsageReport } from '../../../shared/api/usage.ts';
import { quotasOf } from '../../access/quotas.ts';
import { EdgeApp } from '../edge-app.ts';
import { authenticate, requireScope } from '../middleware/access.ts';
import { claimedQuotas, noQuery, tenantOf } from '../requests/read-request.ts';

/** `/v1/usage`: what the tenant uses, and its quotas. */
export function usageRoutes(): EdgeApp {
  const app = new EdgeApp();
  app.use(authenticate());
  app.get('/', requireScope('jobs:read'), noQuery(), async (c) => {
    const tenant = tenantOf(c);
    const [ofJobs, ofBridges, schedules] = await Promise.all([
      c.env.index.usage(tenant),
      c.env.bridge.tenantUsage(tenant),
      c.env.schedules.count(tenant),
    ]);
    const used = { ...ofJobs, ...fullestOf(ofBridges), schedules };
    return c.json<UsageReport>({ used, quotas: quotasOf(c.env.config, tenant, claimedQuotas(c)) });
  });
  return app;
}

/** The largest of each figure. Each bridge keeps the quotas for itself, so the fullest one says how near the tenant is to them. */
function fullestOf(bridges: readonly BridgeUsage[]): BridgeUsage {
  const most = (name: keyof BridgeUsage): number => Math.max(0, ...bridges.map((bridge) => bridge[name]));
  return {
    outboxJobs: most('outboxJobs'),
    outboxBytes: most('outboxBytes'),
    waits: most('waits'),
    streams: most('streams'),
  };
}
