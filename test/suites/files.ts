/** They end only what hangs: a test takes as long as its machine needs, which other work may slow down tenfold. */
export const LIMITS = {
  testTimeout: 180_000,
  hookTimeout: 180_000,
  expect: { poll: { timeout: 60_000 } },
  setupFiles: ['test/support/end-of-file.ts'],
  // Where this names a file, Miniflare gives each workerd all certificates in it, one by one: most of its work at a start.
  env: { NODE_EXTRA_CA_CERTS: '' },
};

/**
 * Tests that change the process in which they run, or count what is in it: some replace `node:dns`, some
 * count timers (`fetch` leaves one running), one starts tracing again and again.
 */
export const OWN_PROCESS = [
  'test/unit/cli/flags.test.ts',
  'test/unit/cli/text/output.test.ts',
  'test/unit/shared/{deadline,timers,nats/client/deadlines}.test.ts',
  'test/edge/telemetry/measure/otlp-metrics.test.ts',
  'test/unit/testing/*.test.ts',
  'test/guides/*.test.ts',
  'test/unit/worker-node/callbacks/target-guard.test.ts',
  'test/unit/worker-node/jobs/{pipeline,attempt/progress-reporter,attempt/run-operation*}.test.ts',
  'test/unit/worker-node/operations/{built-in/http-request,targets/query-dns}.test.ts',
  'test/unit/worker-node/telemetry/{instrumentations,export/sdk-log}.test.ts',
];
/** `npm run test:nats` runs them, on each nats-server that Throughline is tested with. */
export const ON_EACH_SERVER = ['test/e2e/nats/{deploy,nats-cluster}.test.ts'];
/** `npm run test:broker` runs them. Each has a process of its own, since some trust certificates of their own. */
export const BROKER = ['test/e2e/nats/**/*.test.ts', 'test/e2e/edge/{outbox-rejected,slow-nats}.test.ts'];
/** `npm run test:clock` runs them: they wait for the times of schedules and limits. */
export const CLOCK = ['test/e2e/schedules/**/*.test.ts', 'test/e2e/jobs/limits{,-deploy}.test.ts'];
/** `npm run test:worker` runs them: most of their tests start hosts, stop them, and wait for what other hosts do. */
export const WORKER = ['test/e2e/worker/**/*.test.ts'];
/** `npm run test:trace` runs them: their collectors fail, answer late, or take only a part, and are tried again. */
export const TRACE = ['test/e2e/trace/**/*.test.ts'];
/** `npm run test:cli` runs them: most of their tests start a system of their own, and many break it. */
export const CLI = ['test/e2e/cli/**/*.test.ts'];
/** `npm run test:verify` runs them: each breaks a system of its own. */
export const VERIFY = ['test/verify/**/*.test.ts'];
/** `npm run test:conformance` runs them: each starts a worker, and many of these workers are broken. */
export const CONFORMANCE = ['test/conformance/**/*.test.ts'];
/** `npm run test:observability` runs them: they fetch Prometheus. */
export const OBSERVABILITY = ['test/observability/**/*.test.ts'];
/** `npm run test:packages` runs them: they install packages. */
export const PACKAGES = ['test/packages/**/*.test.ts'];
export const SYSTEM = ['test/{e2e,abuse,fuzz}/**/*.test.ts'];
