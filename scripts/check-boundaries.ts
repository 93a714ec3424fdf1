/**
 * Checks which file may import which. The rules are the tables below, each with its reason. Type imports count like all
 * others. `npm run lint` runs this check; the rule `noImportCycles` in biome.json refuses circles, of types too.
 */
import { glob } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { type Import, importsOf } from './imports.ts';

interface TopFolder {
  readonly folder: string;
  /** Top folders that it may import. */
  readonly mayImport: readonly string[];
  /** Prefixes of the runtime's own modules that it may import. */
  readonly runtime: readonly string[];
  readonly why: string;
}

interface Rooms {
  readonly folder: string;
  readonly order: readonly (readonly string[])[];
  readonly why: string;
}

interface Importer {
  readonly packages: readonly string[];
  /** Where the rule holds. */
  readonly folder: string;
  readonly room: string;
  readonly why: string;
}

/** What the files of a top folder may import. */
const TOP_FOLDERS: readonly TopFolder[] = [
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
const ROOMS: readonly Rooms[] = [
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
const IMPORTERS: readonly Importer[] = [
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

/** More files than this in one folder cannot be taken in at a glance. Files in its subfolders do not count. */
const MAX_FILES_IN_FOLDER = 15;

const files = await Array.fromAsync(
  glob(
    ['{shared,client,edge,worker-node,testing,cli,dev,bench,scripts,examples,test}/**/*.ts', 'create/*.ts'],
    {
      exclude: (name) => name === 'node_modules',
    },
  ),
);
const imports = (await Promise.all(files.map(importsOf))).flat();
const faults = [
  ...TOP_FOLDERS.flatMap(checkTopFolder),
  ...ROOMS.flatMap(checkRooms),
  ...IMPORTERS.flatMap(checkImporter),
  ...checkFolderSizes(),
];
for (const fault of faults) process.stderr.write(`${fault}\n`);
if (faults.length === 0)
  process.stdout.write(`the boundaries hold: ${files.length} files, ${imports.length} imports\n`);
process.exitCode = faults.length === 0 ? 0 : 1;

function checkTopFolder({ folder, mayImport, runtime, why }: TopFolder): string[] {
  const own = importsIn(folder);
  if (own.length === 0) return [`${folder}/ has no imports: the check looks in the wrong place`];
  return own
    .filter(({ to, isOwnFile }) => {
      if (isOwnFile) return !mayImport.includes(to.split('/')[0] ?? '') && to !== 'package.json';
      return isRuntimeModule(to) && !runtime.some((prefix) => to.startsWith(prefix));
    })
    .map(({ from, to }) => `${from} imports ${to}: ${folder}/ ${why}`);
}

function checkRooms({ folder, order, why }: Rooms): string[] {
  const depths = new Map(order.flatMap((rooms, depth) => rooms.map((room) => [room, depth] as const)));
  const unnamed = files
    .filter((file) => isIn(file, folder) && !depths.has(roomOf(file, folder)))
    .map((file) => `${file} is in no room of ${folder}/: name its room in scripts/check-boundaries.ts`);
  const upward = importsIn(folder)
    .filter(({ to, isOwnFile }) => isOwnFile && isIn(to, folder))
    .filter(({ from, to }) => {
      const [room, other] = [roomOf(from, folder), roomOf(to, folder)];
      return room !== other && (depths.get(other) ?? 0) <= (depths.get(room) ?? 0);
    })
    .map(({ from, to }) => `${from} imports ${to}, which is not below it: in ${folder}/, ${why}`);
  return [...unnamed, ...upward];
}

function checkImporter({ packages, folder, room, why }: Importer): string[] {
  return importsIn(folder)
    .filter(({ from, to }) => packages.some((name) => to.startsWith(name)) && !isIn(from, room))
    .map(({ from, to }) => `${from} imports ${to}: only ${room}/ may, since it is ${why}`);
}

function checkFolderSizes(): string[] {
  return [...Map.groupBy(files, (file) => path.dirname(file))]
    .filter(([, own]) => own.length > MAX_FILES_IN_FOLDER)
    .map(([folder, own]) => `${folder}/ has ${own.length} files of its own; at most ${MAX_FILES_IN_FOLDER}`);
}

function importsIn(folder: string): Import[] {
  return imports.filter(({ from }) => isIn(from, folder));
}

function isIn(file: string, folder: string): boolean {
  return file.startsWith(`${folder}/`);
}

/** The first part of a file's path below `folder`: a room, or a file of the folder itself. */
function roomOf(file: string, folder: string): string {
  return file.slice(folder.length + 1).split('/')[0] ?? '';
}

function isRuntimeModule(module: string): boolean {
  return /^(node|cloudflare|bun|deno):/.test(module) || builtinModules.includes(module);
}
