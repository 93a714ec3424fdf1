/** What docs/SETTINGS.md says about the settings of the edge. The Worker's bundle has none of these texts. */
import type { SettingGroup } from './setting.ts';

export const EDGE_GROUPS: readonly SettingGroup[] = [
  {
    title: 'The objects',
    texts: {
      BRIDGE: 'the bridges. `wrangler.toml` of this project binds them',
      JOB_INDEX: 'the lists of jobs',
      SCHEDULES: 'the schedules',
    },
  },
  {
    title: 'NATS',
    texts: {
      NATS_URL:
        'the address of NATS; or several with commas, which are tried in turn. May hold a user and a password (`wss://user:password@host`) or a token (`wss://token@host`), percent-encoded',
      NATS_USER:
        'the user, together with `NATS_PASSWORD`. Use only one way to log in: the address, a user, a token or credentials',
      NATS_PASSWORD: 'the password of `NATS_USER`',
      NATS_TOKEN: 'a token, in place of a user',
      NATS_CREDS: 'the text of a credentials file, in place of a user',
      BROKER_TIMEOUT_MS: 'the longest wait for NATS, in milliseconds',
    },
  },
  {
    title: 'Who may call',
    texts: {
      API_KEYS:
        'the API keys, as `throughline keys create` prints them: `{"id","tenant","hash","scopes"?}`. `hash` is the SHA-256 of the whole key, in hex. Without `scopes` the key may do everything. `throughline keys create --scope` names them',
      JWT_JWKS_URL:
        'the address of the JWK set with which JWTs are checked (`http://` only for this machine). Set it together with `JWT_ISSUER` and `JWT_AUDIENCE`, or set none of the three. A token needs `exp`. Clocks may differ by 30 s. The keys are fetched at most every 30 s, so a new one counts after at most that',
      JWT_ISSUER: 'the issuer (`iss`) that a token must have',
      JWT_AUDIENCE: 'the audience (`aud`) that a token must have',
      JWT_ALGORITHMS: 'the signature algorithms that are accepted; never `none` or HMAC',
      JWT_TENANT_CLAIM: 'the claim that holds the tenant (1 to 64 letters, digits, `_` or `-`)',
      JWT_SCOPE_CLAIM: 'the claim that holds the scopes: a text with spaces, or a list',
      JWT_TYP:
        'the `typ` that a token must have, such as `at+jwt` (RFC 9068), so that an ID token of the same issuer is refused. Without it any `typ` is accepted',
      JWT_QUOTAS_CLAIM:
        'a claim that names quotas of the token\'s tenant, such as `{"jobs":1000}`. A quota of the tenant in `TENANT_QUOTAS` wins over it',
      FAILED_AUTH_PER_MINUTE:
        'how often an address may fail to authenticate in a minute, in each isolate; then 429 instead of 401. An IPv6 network of 64 bits counts as one address. A valid key or token passes from any address',
      STATUS_ACCESS:
        'who may read `/metrics` and the state of the bridges in `/readyz`: callers with the scope `status:read` (`key`), or all (`public`). Without access, `/readyz` says only whether the edge is ready',
      CORS_ORIGINS: 'the origins whose pages may call the API',
    },
  },
  {
    title: 'Requests and quotas',
    texts: {
      TENANT_REQUESTS_PER_SECOND:
        'how many requests per second a tenant may send to one isolate. At once it may send those of 10 seconds, and at least 100. Each job of a batch counts as one',
      ADDRESS_REQUESTS_PER_SECOND:
        'the same for an address without a valid key or token; `/healthz` is not counted',
      RATE_LIMITER: 'a binding that also counts the requests of each tenant in a Cloudflare location',
      RATE_LIMIT_POLICY: 'the limit of that binding, for the headers of answers',
      TENANT_MAX_JOBS: 'unfinished jobs that a tenant may have; above: `quota-exceeded`',
      TENANT_MAX_BYTES: 'the bytes of their inputs',
      TENANT_MAX_DELAYED_JOBS: 'delayed jobs that a tenant may have, while they wait for their time',
      TENANT_MAX_DELAYED_BYTES: 'the bytes of their inputs',
      TENANT_MAX_STORED_BYTES: {
        unset: 'half of the store, if `throughline setup` knew how large it is (`STREAM_STORE_BYTES`)',
        meaning:
          'the bytes of events and dead letters that NATS may store of all jobs of a tenant; above: `quota-exceeded`. [How to choose it](TENANTS.md#what-is-stored-of-jobs)',
      },
      SCHEDULES_PER_TENANT: 'schedules that a tenant may have; above: `quota-exceeded`',
      WAITS_PER_TENANT:
        'requests of a tenant that may wait for the end of a job (`Prefer: wait`) at a time in one bridge',
      EVENT_STREAMS_PER_TENANT: 'event streams that a tenant may have open at a time through one bridge',
      TENANT_QUOTAS: {
        unset: 'none',
        meaning:
          'quotas of single tenants: `{"acme":{"jobs":1000,"waits":20}}`. Quotas are `jobs`, `bytes`, `delayedJobs`, `delayedBytes`, `storedBytes`, `outboxJobs`, `outboxBytes`, `waits`, `streams`, `schedules` and `requests` (per second). A name that is there twice is refused',
      },
      FAIR_JOBS:
        'from this many unfinished jobs on, the next jobs of a tenant go to a bulk lane, so that tenants with few jobs do not wait for them',
      MAX_INPUT_BYTES: "the size limit of a job's input as JSON",
      BODY_TIMEOUT_MS: 'the longest wait for the body of a request',
      SSE_HEARTBEAT_MS:
        'the longest silence of an event stream. The bridge notices within two of them that a reader has gone. After 45 s of silence `throughline/client` opens the stream again',
      UNSERVED_OPERATIONS:
        'a job whose operation no worker host can run now: `accept` it with `"served": false` in the answer, or `refuse` it with 503',
    },
  },
  {
    title: 'Bridges and their outboxes',
    texts: {
      ACK_MODE:
        'when a job is accepted. `stream`: after JetStream has it. `outbox`: after the outbox of the bridge has it, for callers far from NATS; the bridge publishes it immediately',
      BRIDGE_SHARDS:
        'the number of bridges (in each region); a hash of the job id chooses one. Let the outboxes drain before you change it, and deploy the change to all requests at once, not gradually: the bridges of one number do not know which keys those of the other have seen',
      BRIDGE_PLACEMENT:
        '`region`: a job without an idempotency key goes to a bridge near its caller, and its id says which (`…_weur`)',
      BRIDGE_LOCATION_HINT: 'where the bridges that serve all regions should run. Near NATS is best',
      INDEX_SHARDS:
        'the number of objects that hold the lists of jobs; a hash of the tenant chooses one. After a change they read the stored events again. A job without events is listed again after its first event',
      OUTBOX_KEEP:
        'how long the outbox keeps a job. `published`: until JetStream acknowledged it. `ended`: until its end is recorded, so that the bridge can publish it again if NATS forgets it',
      OUTBOX_MAX_ROWS: 'how many jobs the outbox of one bridge may hold; then 503 `outbox-full`',
      OUTBOX_MAX_BYTES: 'how many bytes it may hold; then 503 `outbox-full`',
      OUTBOX_TENANT_PERCENT:
        'how much of that one tenant may have, in percent; then 429 `outbox-share-full` for this tenant. Use `100` if you have one tenant',
      OUTBOX_REJECTED_MS:
        'how long a job that NATS rejected stays in the outbox; then it ends as `cancelled`',
    },
  },
  {
    title: 'Traces and logs',
    texts: {
      TRACE_TRUST:
        'whose trace context is continued. Other callers get a new trace that links to theirs. A trusted caller who knows a trace id can write into that trace; use `none` for tenants who do not trust each other',
      TRACE_PROBES:
        "whether requests to `/healthz`, `/readyz` and `/metrics` are recorded too. By default they never are, also if their caller's `traceparent` asks for it",
      TRACE_QUEUE_BYTES:
        'the most bytes of spans that wait for their export, or are being exported, in each isolate. Further spans are lost',
      TRACE_ANONYMOUS_PER_MINUTE:
        'how many requests without a valid key or token are traced in a minute, in each isolate',
      TRACE_FORCED_PER_MINUTE:
        'the same for each tenant, for requests whose `traceparent` asks for a trace that the sampler (`OTEL_TRACES_SAMPLER`) would decide about otherwise. Has no meaning for samplers that take every trace',
      LOG_LEVEL: 'the least important lines that are logged',
      DEBUG: '`true` prints spans on stderr',
    },
  },
];
