import type { Quotas, SomeQuotas } from '../../shared/api/usage.ts';
import { defined } from '../../shared/defined.ts';

/** The settings that say how much a tenant may use. */
export interface QuotaSettings {
  readonly TENANT_MAX_JOBS: number;
  readonly TENANT_MAX_BYTES: number;
  readonly TENANT_MAX_DELAYED_JOBS: number;
  readonly TENANT_MAX_DELAYED_BYTES: number;
  /** Undefined: nobody has said it. */
  readonly TENANT_MAX_STORED_BYTES?: number | undefined;
  readonly OUTBOX_MAX_ROWS: number;
  readonly OUTBOX_MAX_BYTES: number;
  /** The share of the outbox that a tenant may have. */
  readonly OUTBOX_TENANT_PERCENT: number;
  readonly WAITS_PER_TENANT: number;
  readonly EVENT_STREAMS_PER_TENANT: number;
  readonly SCHEDULES_PER_TENANT: number;
  readonly TENANT_REQUESTS_PER_SECOND: number;
  /** The quotas of single tenants. */
  readonly TENANT_QUOTAS: ReadonlyMap<string, SomeQuotas>;
}

/** More than a store has. */
const ANY_BYTES = 2 ** 49;

/**
 * The quotas of a tenant. A quota in `TENANT_QUOTAS` wins over one in the caller's token, and that wins over the quota of all tenants.
 * @param claimed the quotas in the token of the caller (`JWT_QUOTAS_CLAIM`)
 */
export function quotasOf(settings: QuotaSettings, tenant: string, claimed?: SomeQuotas): Quotas {
  const own = settings.TENANT_QUOTAS.get(tenant);
  const common = commonQuotas(settings);
  if (claimed === undefined && own === undefined) return common;
  return { ...common, ...defined(claimed ?? {}), ...defined(own ?? {}) };
}

/** The quotas of tenants that have none of their own, of each configuration. */
const known = new WeakMap<QuotaSettings, Quotas>();

function commonQuotas(settings: QuotaSettings): Quotas {
  const quotas = known.get(settings) ?? readQuotas(settings);
  known.set(settings, quotas);
  return quotas;
}

function readQuotas(settings: QuotaSettings): Quotas {
  const share = settings.OUTBOX_TENANT_PERCENT / 100;
  return {
    jobs: settings.TENANT_MAX_JOBS,
    bytes: settings.TENANT_MAX_BYTES,
    delayedJobs: settings.TENANT_MAX_DELAYED_JOBS,
    delayedBytes: settings.TENANT_MAX_DELAYED_BYTES,
    storedBytes: settings.TENANT_MAX_STORED_BYTES ?? ANY_BYTES,
    // At least one row, however small the share.
    outboxJobs: Math.max(1, Math.floor(settings.OUTBOX_MAX_ROWS * share)),
    outboxBytes: Math.floor(settings.OUTBOX_MAX_BYTES * share),
    waits: settings.WAITS_PER_TENANT,
    streams: settings.EVENT_STREAMS_PER_TENANT,
    schedules: settings.SCHEDULES_PER_TENANT,
    requests: settings.TENANT_REQUESTS_PER_SECOND,
  };
}
