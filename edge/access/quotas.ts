import type { Usage } from '../../shared/api/usage.ts';
import { defined } from '../../shared/defined.ts';

/** The settings that say how much the unfinished jobs of a tenant may take. */
export interface QuotaSettings {
  readonly TENANT_MAX_JOBS: number;
  readonly TENANT_MAX_BYTES: number;
  readonly TENANT_MAX_DELAYED_JOBS: number;
  readonly TENANT_MAX_DELAYED_BYTES: number;
  /** The quotas of single tenants. */
  readonly TENANT_QUOTAS?:
    | Readonly<Record<string, { readonly [Quota in keyof Usage]?: number | undefined }>>
    | undefined;
}

/** The quotas of a tenant: its own, and for the rest those of all tenants. */
export function quotasOf(settings: QuotaSettings, tenant: string): Usage {
  const own = settings.TENANT_QUOTAS;
  return {
    jobs: settings.TENANT_MAX_JOBS,
    bytes: settings.TENANT_MAX_BYTES,
    delayedJobs: settings.TENANT_MAX_DELAYED_JOBS,
    delayedBytes: settings.TENANT_MAX_DELAYED_BYTES,
    ...(own !== undefined && Object.hasOwn(own, tenant) ? defined(own[tenant] ?? {}) : {}),
  };
}
