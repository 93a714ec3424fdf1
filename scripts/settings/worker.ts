/** What docs/SETTINGS.md says about the settings of a worker host. */
import type { SettingGroup } from './setting.ts';

export const WORKER_GROUPS: readonly SettingGroup[] = [
  {
    title: 'NATS and its streams',
    texts: {
      NATS_URL: 'as for the edge. `tls://` connects only to a server that encrypts',
      NATS_USER:
        'the user, together with `NATS_PASSWORD`. Use only one way to log in: the address, a user, a token or credentials',
      NATS_PASSWORD: 'the password of `NATS_USER`',
      NATS_TOKEN: 'a token, in place of a user',
      NATS_CREDS_FILE:
        'the path of a credentials file, in place of a user. It is read again at each login, so that a JWT may be renewed in it',
      STREAM_REPLICAS: {
        unset: '3 in a cluster, else 1',
        meaning: 'copies of each stream; fewer copies give a warning',
      },
      STREAM_STORE_BYTES: {
        unset: 'the limit of the NATS account, if it has one',
        meaning:
          'size of the file store of one nats-server (`max_file_store`) in bytes. For `throughline setup`, and for workers that may create streams',
      },
      STREAM_JOBS_BYTES: {
        unset: '40 % of the store',
        meaning:
          'how many bytes queued jobs may take; more are refused with `stream-full` ([sizes](../deploy/README.md#how-large-the-store-must-be))',
      },
      STREAM_DELAYED_BYTES: {
        unset: '25 % of the store',
        meaning: 'the same for delayed jobs',
      },
    },
  },
  {
    title: 'The host and its jobs',
    texts: {
      WORKER_GROUP:
        'the worker group: the hosts with this name share their durable consumers, and so their jobs. `throughline groups` shows, renames and removes groups',
      WORKER_OPERATIONS:
        'the operations that the group takes: a comma list of operations and prefixes, such as `mail.send,image.>`, or all (`>`). `image.*` and `*` mean the same, for env files that a shell reads. Neither two of the list nor two groups may take the same operation. [What NATS cannot limit](PROTOCOL.md#permissions) with a list',
      WORKER_OWN_LANES:
        'this host also takes jobs from the own lanes of these tenants. While such a host is alive, the jobs of the tenant wait there and not among those of others ([why](decisions/tenants.md#a-lane-of-its-own))',
      WORKER_CONCURRENCY: 'jobs that run at the same time',
      WORKER_ACK_WAIT_MS:
        'when a worker is silent for this long, its job goes to another worker. A running job is kept alive, five times in this time. All hosts of a group need the same: the one that starts last sets it for all',
      WORKER_MAX_ACK_PENDING:
        'jobs of one lane that the whole group may have at the same time; jobs that wait for a retry, or for a host that can run them, count too. Keep it above `TENANT_MAX_JOBS`: a tenant whose jobs all wait for a retry must not fill the lane of others. It does not hold for jobs of operations with a limit by key, and those with an `orderingKey`',
      WORKER_CANARY:
        '`false`: the host does not have `throughline.canary`, the operation of [`throughline verify`](VERIFY.md)',
      WORKER_ANNOUNCE_MS:
        'how often a host renews what it announces; after three times as long without a renewal it counts as gone',
      WORKER_STOP_TIMEOUT_MS:
        'how long a worker waits for running jobs after SIGTERM, SIGINT or SIGHUP; meanwhile `/readyz` says 503 `stopping`',
      WORKER_NAME: {
        unset: 'host name and process id',
        meaning: 'the name in events and on the NATS server',
      },
      WORKER_VERSION: {
        unset: "Throughline's version",
        meaning: 'the version of your operations, as the host announces it',
      },
      HEALTH_HOST: 'the address of `/healthz`, `/readyz` and `/metrics`',
      HEALTH_PORT: 'its port; 0: a free one',
      METRICS_TENANTS: '`true`: some metrics tell tenants apart, at most 100 of them',
      LOG_LEVEL: 'the least important lines that are logged',
      DEBUG: '`true` prints spans on stderr',
    },
  },
  {
    title: 'What jobs may call',
    texts: {
      HTTP_REQUEST_ALLOW:
        'the targets of `http.request`: `http://billing.internal:8080, https://*.svc.example`',
      TARGET_ADDRESSES_ALLOW:
        'addresses beside public ones that the **names** in `HTTP_REQUEST_ALLOW` and `CALLBACK_ALLOW` may lead to: `10.0.0.0/8, fd00::/8, 127.0.0.1`. Metadata services of clouds are opened only by their own address. An address that stands in those lists itself needs no entry here',
      BAGGAGE_ALLOW: {
        unset: 'as `HTTP_REQUEST_ALLOW`',
        meaning:
          'origins that get `baggage` and `tracestate` from `http.request` and from HTTP calls of your operations; same syntax, or `none`. All others get `traceparent` only',
      },
    },
  },
  {
    title: 'Callbacks',
    texts: {
      CALLBACK_SECRET: {
        unset: 'none',
        meaning:
          'the master secret, from which the secret of each tenant is derived; or several, the new one first. Without a secret for its tenant, a callback is tried again later, within its attempts',
      },
      CALLBACK_SECRETS: {
        unset: 'none',
        meaning:
          'secrets of single tenants, used as they are instead of derived ones: `{"acme": "whsec_…", "globex": ["whsec_…", "whsec_…"]}`. A tenant that is there twice is refused',
      },
      CALLBACK_ALLOW:
        'targets of callbacks in addition to https at public addresses; same syntax as `HTTP_REQUEST_ALLOW`',
      CALLBACK_CONCURRENCY: 'callbacks at the same time; 0: this host delivers none',
      CALLBACK_TENANT_CONCURRENCY: {
        unset: 'half of `CALLBACK_CONCURRENCY`',
        meaning: 'how many of them may be of one tenant',
      },
      CALLBACK_TIMEOUT_MS: 'time limit of one delivery',
      CALLBACK_MAX_ATTEMPTS: 'the number of attempts',
      CALLBACK_RETRY_MIN_MS: 'the upper limit of the first pause. A pause is at least half its upper limit',
      CALLBACK_RETRY_MAX_MS: 'the upper limit of the last pause',
    },
  },
];
