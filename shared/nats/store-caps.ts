/**
 * How much of JetStream's file store the waiting jobs may take. The rest is for events, cancels, dead letters and callbacks. One tenant
 * should not take all of it.
 */
import type { Account } from './account-limits.ts';

/** The part of the store that the queue may take: `JOBS`. */
const JOBS_SHARE = 0.4;
/** The part of the store for delayed jobs: `DELAYED`. */
const DELAYED_SHARE = 0.25;
/** The most that is stored of the jobs of one tenant: events and dead letters. The edge keeps it, unless its own settings say another. */
const TENANT_SHARE = 0.5;

/** From this part of its cap on, a stream counts as nearly full. */
export const STREAM_NEARLY_FULL = 0.8;

/** Bytes; undefined: no cap. */
export interface StoreCaps {
  readonly jobs?: number | undefined;
  readonly delayed?: number | undefined;
  /** What may be stored of the jobs of one tenant. */
  readonly tenant?: number | undefined;
}

/** The settings of caps, in bytes. */
interface CapSettings {
  /** The size of the store of one server: `max_file_store`. */
  readonly STREAM_STORE_BYTES?: number | undefined;
  readonly STREAM_JOBS_BYTES?: number | undefined;
  readonly STREAM_DELAYED_BYTES?: number | undefined;
}

/** The caps by the settings. Without settings they are shares of the account's own limit, if it has one. */
export function storeCaps(settings: CapSettings, account: Account, copies: number): StoreCaps {
  const store = settings.STREAM_STORE_BYTES ?? storeBytesOf(account, copies);
  const share = (part: number): number | undefined =>
    store === undefined ? undefined : Math.floor(store * part);
  return {
    jobs: settings.STREAM_JOBS_BYTES ?? share(JOBS_SHARE),
    delayed: settings.STREAM_DELAYED_BYTES ?? share(DELAYED_SHARE),
    tenant: share(TENANT_SHARE),
  };
}

/**
 * How many bytes of messages an account may store; undefined: it has no limit of its own. The limit of a tier counts a
 * message once, that of an account counts each copy (nats-server, server/jetstream.go, `wouldExceedLimits`).
 */
function storeBytesOf(account: Account, copies: number): number | undefined {
  const tier = account.tiers?.[`R${copies}`];
  const limit = tier?.limits.max_storage ?? account.limits.max_storage;
  if (limit <= 0) return undefined;
  return tier === undefined ? Math.floor(limit / copies) : limit;
}

/** The key in the metadata of `DELAYED` for its cap. A stream with schedules cannot refuse messages, so the edge reads it. */
export const CAP_KEY = 'dev.throughline.max-bytes';

/** The key in the metadata of `EVENTS` for what may be stored of the jobs of one tenant. */
export const TENANT_KEY = 'dev.throughline.tenant-bytes';

/** The settings of a stream that hold its cap. */
export interface StreamLimits {
  readonly max_bytes?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The cap of a stream in bytes; undefined: it has none. */
export function capOf(config: StreamLimits): number | undefined {
  return bytesOf(config.metadata?.[CAP_KEY] ?? config.max_bytes);
}

/** What may be stored of the jobs of one tenant, by the settings of `EVENTS`; undefined: nobody has said it. */
export function tenantShareOf({ metadata }: StreamLimits): number | undefined {
  return bytesOf(metadata?.[TENANT_KEY]);
}

function bytesOf(value: unknown): number | undefined {
  const bytes = Number(value);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}
