/** What docs/SETTINGS.md says about the variables of the test suites. */
import type { SettingGroup } from './setting.ts';

export const SUITE_GROUPS: readonly SettingGroup[] = [
  {
    title: 'Random choices, and CI',
    texts: {
      CHAOS_SEED: {
        unset: 'a new one for each run',
        meaning:
          'chooses the kinds and times of faults, and the bodies of jobs. It does not control how the machine schedules them',
      },
      FUZZ_SEED: {
        unset: '`1`; a new one for a long run',
        meaning: 'the same seed makes the same requests',
      },
      FUZZ_REQUESTS: {
        unset: '`400`; `10000` in `npm run test:fuzz`',
        meaning: 'how many requests the fuzzer sends',
      },
      ZOD_RUNS: "generated schemas and inputs for the test of the edge's input checks",
      CI: 'any value: a test that cannot run is a failure, as in CI systems',
    },
  },
  {
    title: 'The size of the fault suite',
    texts: {
      CHAOS_JOBS: 'S1: jobs',
      CHAOS_NATS_KILLS: 'S1: how often NATS is killed',
      CHAOS_WORKER_KILLS: 'S1: how often a worker is killed',
      CHAOS_OUTAGE_JOBS: 'S2: jobs',
      CHAOS_OUTAGE_MS: 'S2: how long NATS is away',
      CHAOS_CLUSTER_JOBS: 'S3, in a cluster of three: jobs',
      CHAOS_CLUSTER_KILLS: 'S3: how often a leader is killed',
      CHAOS_ORDER_KEYS: 'S4: ordering keys',
      CHAOS_ORDER_JOBS: 'S4: jobs of each key',
      CHAOS_ORDER_KILLS: 'S4: how often a worker is killed',
      CHAOS_MIX_MS: 'C1: its duration',
      CHAOS_MIX_PAUSE_MS: 'C1: the mean pause between faults',
      CHAOS_MIX_PER_SECOND: 'C1: the load',
      CHAOS_SCHEDULE_DAYS: 'C4: how many days of a schedule that runs every minute',
      AUTHORS_MS:
        'W16: how long jobs come whose authors make mistakes. `AUTHORS_MS=3600000 npm run test:authors` runs for an hour',
      AUTHORS_PER_SECOND: 'W16: how many jobs come in a second',
      CHAOS_KEEP: '`true` keeps the files of the ledger, and prints where they are',
      COLLECTOR_BUILD:
        '`true` lets `npm run test:observability` build an OpenTelemetry Collector if the cache has none; it takes minutes',
      HEALTHY_MS:
        'how long a healthy system is watched that must raise no alert. `npm run test:healthy` watches one for an hour',
      JAEGER_BUILD:
        '`true` lets `npm run test:verify` build a Jaeger if the cache has none; it takes minutes',
      RUST_BUILD:
        '`true` lets `npm run test:interop` and `npm run test:generators` build programs in Rust if the cache has none; it takes minutes',
      W3C_SUITE: {
        unset: 'fetched from GitHub',
        meaning:
          "the folder `test` of the W3C's repository `trace-context`, for `npm run test:w3c` on a machine that cannot fetch it",
      },
      CHAOS_EFFECTS:
        'the file to which operations write a line for each execution; the suite sets it for its workers',
    },
  },
];
