/** Settings of docs/SETTINGS.md; a test holds them against the schemas. Left out are those that a shell often holds for other programs, such as `NATS_URL` and `DEBUG`. */
const NAMES = {
  edge: words(`
    API_KEYS JWT_JWKS_URL JWT_ISSUER JWT_AUDIENCE JWT_ALGORITHMS JWT_TENANT_CLAIM JWT_SCOPE_CLAIM JWT_QUOTAS_CLAIM JWT_TYP
    CORS_ORIGINS STATUS_ACCESS FAILED_AUTH_PER_MINUTE ADDRESS_REQUESTS_PER_SECOND TRACE_TRUST BRIDGE_SHARDS INDEX_SHARDS
    BRIDGE_PLACEMENT BRIDGE_LOCATION_HINT ACK_MODE OUTBOX_KEEP UNSERVED_OPERATIONS OUTBOX_MAX_ROWS OUTBOX_MAX_BYTES
    OUTBOX_TENANT_PERCENT OUTBOX_REJECTED_MS FAIR_JOBS TENANT_MAX_JOBS TENANT_MAX_BYTES TENANT_MAX_DELAYED_JOBS
    TENANT_MAX_DELAYED_BYTES TENANT_MAX_STORED_BYTES SCHEDULES_PER_TENANT TENANT_REQUESTS_PER_SECOND TENANT_QUOTAS
    BROKER_TIMEOUT_MS BODY_TIMEOUT_MS MAX_INPUT_BYTES SSE_HEARTBEAT_MS EVENT_STREAMS_PER_TENANT WAITS_PER_TENANT
    TRACE_PROBES TRACE_QUEUE_BYTES TRACE_ANONYMOUS_PER_MINUTE TRACE_FORCED_PER_MINUTE RATE_LIMIT_POLICY`),
  worker: words(`
    WORKER_GROUP WORKER_OPERATIONS WORKER_OWN_LANES WORKER_NAME WORKER_VERSION WORKER_ANNOUNCE_MS WORKER_CONCURRENCY
    WORKER_ACK_WAIT_MS WORKER_MAX_ACK_PENDING WORKER_STOP_TIMEOUT_MS WORKER_CANARY STREAM_REPLICAS STREAM_STORE_BYTES
    STREAM_JOBS_BYTES STREAM_DELAYED_BYTES HEALTH_HOST HEALTH_PORT HTTP_REQUEST_ALLOW CALLBACK_ALLOW
    TARGET_ADDRESSES_ALLOW BAGGAGE_ALLOW CALLBACK_SECRETS CALLBACK_CONCURRENCY CALLBACK_TENANT_CONCURRENCY
    CALLBACK_TIMEOUT_MS CALLBACK_MAX_ATTEMPTS CALLBACK_RETRY_MIN_MS CALLBACK_RETRY_MAX_MS METRICS_TENANTS`),
} as const;

/** What `--edge` and `--worker` give. */
interface Given {
  readonly edge?: Readonly<Record<string, string>>;
  readonly worker?: Readonly<Record<string, string>>;
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

/**
 * Finds settings in the environment of this process. The parts of a stack do not get it.
 * @returns a sentence for each that no option gives, without its value
 */
export function unreadSettings(
  environment: Readonly<Record<string, string | undefined>>,
  given: Given,
): string[] {
  return (['edge', 'worker'] as const).flatMap((part) =>
    NAMES[part]
      .filter((name) => (environment[name] ?? '') !== '' && given[part]?.[name] === undefined)
      .map(
        (name) => `${name} in the environment changes nothing here; give it with --${part} ${name}=<value>`,
      ),
  );
}
