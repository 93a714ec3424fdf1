/**
 * Which file may import which: the rules of `check-boundaries.ts`, each with its reason. docs/ARCHITECTURE.md shows the rooms, and a
 * test holds it against them.
 */

export interface TopFolder {
  readonly folder: string;
  /** Top folders that it may import. */
  readonly mayImport: readonly string[];
  /** Prefixes of the runtime's own modules that it may import. */
  readonly runtime: readonly string[];
  readonly why: string;
}

export interface Rooms {
  readonly folder: string;
  readonly order: readonly (readonly string[])[];
  readonly why: string;
}

export interface Importer {
  readonly packages: readonly string[];
  /** Where the rule holds. */
  readonly folder: string;
  readonly room: string;
  readonly why: string;
}

/** What the files of a top folder may import. */
export const TOP_FOLDERS: readonly TopFolder[] = [
  { folder: 'shared', mayImport: ['shared'], runtime: [], why: 'runs in Node, in workerd and in browsers' },
  { folder: 'client', mayImport: ['client', 'shared'], runtime: [], why: 'runs wherever there is fetch' },
  { folder: 'edge', mayImport: ['edge', 'shared'], runtime: ['cloudflare:'], why: 'runs in workerd only' },
  {
    folder: 'worker-node',
    mayImport: ['worker-node', 'shared'],
    runtime: ['node:'],
    why: 'runs in Node only',
  },
  {
    folder: 'cli',
    mayImport: ['cli', 'client', 'create', 'shared', 'worker-node', 'dev'],
    runtime: ['node:'],
    why: 'starts every other part',
  },
  {
    folder: 'create',
    mayImport: ['create', 'shared'],
    runtime: ['node:'],
    why: 'runs before anything else is installed',
  },
  {
    folder: 'testing',
    mayImport: ['testing', 'client', 'shared', 'worker-node', 'dev'],
    runtime: ['node:'],
    why: 'runs the code of the worker in a test, and starts the local stack',
  },
  {
    folder: 'dev',
    mayImport: ['dev', 'create', 'shared'],
    runtime: ['node:'],
    why: 'starts the other parts as programs, as a user would',
  },
];

/** The rooms of a folder, from top to bottom. A room imports only rooms below it. Rooms on one level do not import each other. */
export const ROOMS: readonly Rooms[] = [
  {
    folder: 'edge',
    order: [
      ['main.ts', 'index.ts', 'openapi'],
      ['edge.ts'],
      ['http', 'bridge'],
      ['watch'],
      ['outbox', 'schedules'],
      ['job-index', 'operations', 'jobs'],
      ['nats'],
      ['config.ts'],
      ['calls', 'access', 'telemetry', 'validation'],
    ],
    why: 'a request enters at the top and reaches NATS at the bottom',
  },
  {
    folder: 'edge/http',
    order: [
      ['app.ts'],
      ['routes'],
      ['requests', 'docs', 'middleware'],
      ['edge-app.ts'],
      ['request-context.ts', 'drain-body.ts', 'input-rules-cache.ts'],
    ],
    why: 'a route is put together from what lies below it',
  },
  {
    folder: 'edge/validation',
    order: [
      ['input-schema.ts'],
      ['compile.ts'],
      ['rules'],
      ['schema-node.ts'],
      ['report.ts'],
      ['run.ts', 'pattern'],
      ['value-ids.ts'],
      ['step-budget.ts', 'verdict.ts', 'input-invalid.ts'],
    ],
    why: 'a schema is made of rules, and a rule is judged in a run',
  },
  {
    folder: 'worker-node',
    order: [
      ['index.ts', 'host.ts', 'broker-spans'],
      ['worker.ts', 'stray-errors.ts', 'stop-signal.ts'],
      ['gauges.ts', 'loops.ts'],
      ['jobs', 'callbacks'],
      ['operations'],
      ['broker'],
      ['telemetry', 'health-server.ts', 'loop-watch'],
      ['config.ts', 'log.ts', 'node-http.ts', 'young-objects.ts', 'kept-globals.ts'],
      ['output'],
    ],
    why: 'a delivery comes from the broker and goes through the pipeline',
  },
  {
    folder: 'shared',
    order: [
      ['nats'],
      ['wire', 'api'],
      ['trace'],
      ['propagation'],
      ['callback-secrets.ts'],
      ['config.ts', 'backoff.ts', 'deadline.ts'],
      ['error-table.ts'],
      ['errors.ts'],
      ['job', 'processes'],
      [
        'text',
        'clock.ts',
        'defined.ts',
        'fnv1a.ts',
        'memory',
        'operation-types.ts',
        'quotas.ts',
        'timers.ts',
        'collections',
        'version.ts',
      ],
      ['bytes.ts'],
    ],
    why: 'messages are made of jobs, and jobs know no message',
  },
  {
    folder: 'client',
    order: [
      ['index.ts'],
      ['client.ts'],
      ['schedules.ts'],
      ['transport.ts', 'watch.ts', 'typed.ts'],
      ['exchange.ts', 'event-stream.ts', 'patience.ts', 'request-body.ts'],
      ['answers.ts', 'arguments.ts', 'options.ts'],
      ['errors.ts'],
      ['shape.ts'],
    ],
    why: 'a method is put together from what lies below it',
  },
  {
    folder: 'cli',
    order: [
      ['main.ts'],
      ['process.ts'],
      ['program.ts'],
      ['commands'],
      ['operate', 'reference', 'verify', 'conformance'],
      ['host.ts'],
      ['job-options.ts'],
      ['arguments.ts', 'help.ts', 'option-checks.ts'],
      ['api-client.ts', 'interrupt.ts', 'trace', 'text', 'types', 'input', 'local'],
      ['exit-code.ts', 'profiles.ts'],
      ['config.ts'],
      ['cli-error.ts', 'http', 'node-version.ts'],
    ],
    why: 'a command is put together from what lies below it',
  },
  {
    folder: 'testing',
    order: [
      ['index.ts'],
      ['run-operation.ts', 'stack.ts'],
      ['attempt.ts', 'load-dev.ts'],
      ['clock.ts', 'job.ts', 'log.ts', 'options.ts'],
      ['fake-timers.ts'],
    ],
    why: 'a run is put together from its attempts, and they run in a time',
  },
  {
    folder: 'dev',
    order: [
      ['index.ts'],
      ['main.ts', 'demo.ts'],
      ['flags.ts'],
      ['stack.ts', 'trace-check.ts'],
      ['stack-parts.ts', 'local-nats.ts'],
      ['stack-options.ts', 'teardown.ts', 'identity.ts', 'pretty-line.ts'],
      ['collector', 'edge', 'worker', 'nats-server', 'nats-binary'],
      ['machine'],
    ],
    why: 'a stack is put together from its parts, which do not know each other',
  },
];

/** Packages that only one room may import, so that one room alone has to change with them. */
export const IMPORTERS: readonly Importer[] = [
  { packages: ['@nats-io/'], folder: 'edge', room: 'edge/nats', why: 'the client of NATS in workerd' },
  {
    packages: ['@nats-io/'],
    folder: 'worker-node',
    room: 'worker-node/broker',
    why: 'the client of NATS in Node',
  },
  {
    packages: ['croner'],
    folder: 'edge',
    room: 'edge/schedules',
    why: 'one file knows how cron expressions are read',
  },
  {
    packages: ['zod-openapi'],
    folder: 'edge',
    room: 'edge/openapi',
    why: 'a development dependency: no file that is deployed may need it',
  },
];
