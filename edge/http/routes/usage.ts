import { BRIDGE_USES, type BridgeUsage, type UsageReport } from '../../../shared/api/usage.ts';
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
    const { config } = c.env;
    const shares = ofBridges.flatMap(({ share = [] }) => share);
    const settings =
      shares.length === 0 ? config : { ...config, TENANT_MAX_STORED_BYTES: Math.min(...shares) };
    const used = { ...ofJobs, ...fullestOf(ofBridges), schedules };
    return c.json<UsageReport>({ used, quotas: quotasOf(settings, tenant, claimedQuotas(c)) });
  });
  return app;
}

/** The largest of each figure. Each bridge keeps the quotas for itself, so the fullest one says how near the tenant is to them. */
function fullestOf(bridges: readonly BridgeUsage[]): BridgeUsage {
  const most = (name: keyof BridgeUsage): number => Math.max(0, ...bridges.map((bridge) => bridge[name]));
  return Object.fromEntries(BRIDGE_USES.map((name) => [name, most(name)])) as BridgeUsage;
}
