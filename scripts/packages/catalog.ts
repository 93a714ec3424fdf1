/** The packages that are made from the tree, and what each one has. */
import { PYTHON_LIBRARY } from '../../create/python.ts';

/** How the JavaScript of a package is made. */
type Form =
  /** Each source file becomes a file. For Node: stack traces and the instrumentation see the modules as they are. */
  | 'files'
  /** Each entry becomes one file, with all that it needs but the packages in `external`. For browsers and workerd. */
  | 'bundle';

export interface PackageSpec {
  readonly name: string;
  /** Its folder in dist/packages, and the name of its text in scripts/packages/readme. */
  readonly folder: string;
  readonly description: string;
  readonly form: Form;
  /** `workerd`: it is bundled as wrangler does it. */
  readonly runtime?: 'workerd';
  /** What a project may import, with the source file of each. */
  readonly exports: Readonly<Record<string, string>>;
  /** Programs, with the source file of each. */
  readonly bin?: Readonly<Record<string, string>>;
  /** Source files that no import names, because they are loaded by their path. */
  readonly loaded?: readonly string[];
  /** Folders and files that are copied as they are, beside what is made from the sources. */
  readonly assets?: readonly string[];
  /** Source files that stand in the place of others in this package. */
  readonly standIns?: Readonly<Record<string, string>>;
  /** Packages that it needs at run time, and that no import names. */
  readonly needs?: readonly string[];
  /** Source files that belong to another package, with the name under which it exports them. */
  readonly elsewhere?: Readonly<Record<string, string>>;
  /** The tsconfig.json whose settings the files are compiled with. */
  readonly tsconfig: string;
  readonly engines: string;
  /** Packages that the project brings itself, with the versions that fit. */
  readonly peers?: Readonly<Record<string, string>>;
  /** Those of {@link peers} that a project may leave out. */
  readonly optionalPeers?: readonly string[];
  /** Of a bundle: packages that are not in it. */
  readonly external?: readonly string[];
}

/** Node loads operations in TypeScript since 22.18. */
export const WORKER_NODE = '>=22.18.0';

/** What `throughline init` copies into a project. */
const CREATED = [
  'create/template',
  'create/python',
  ...PYTHON_LIBRARY.map((file) => `examples/python/${file}`),
];

const API = '>=1.9.0 <2';

export const PACKAGES: readonly PackageSpec[] = [
  {
    name: '@throughline/client',
    folder: 'client',
    description: 'Client of the HTTP API of Throughline. It needs only fetch.',
    form: 'bundle',
    exports: { '.': 'client/index.ts' },
    tsconfig: 'client/tsconfig.json',
    engines: '>=22',
  },
  {
    name: '@throughline/propagation',
    folder: 'propagation',
    description: 'Strict W3C trace context and baggage for OpenTelemetry, in Node, workerd and browsers.',
    form: 'bundle',
    exports: { '.': 'shared/propagation/index.ts' },
    tsconfig: 'shared/tsconfig.json',
    engines: '>=22',
    peers: { '@opentelemetry/api': API },
    external: ['@opentelemetry/api'],
  },
  {
    name: '@throughline/edge',
    folder: 'edge',
    description:
      'The edge of Throughline: a Cloudflare Worker, to deploy as it is or to wrap with routes of your own.',
    form: 'bundle',
    runtime: 'workerd',
    exports: { '.': 'edge/index.ts' },
    tsconfig: 'edge/tsconfig.json',
    engines: '>=22',
  },
  {
    name: '@throughline/dev',
    folder: 'dev',
    description:
      'All of Throughline on one machine: nats-server, the edge in workerd, a worker and a trace collector.',
    form: 'files',
    exports: { '.': 'dev/index.ts' },
    standIns: {
      'dev/edge/kept-build.ts': 'scripts/packages/stand-ins/kept-build.ts',
      'dev/machine/programs.ts': 'scripts/packages/stand-ins/programs.ts',
    },
    needs: ['throughline', '@throughline/edge'],
    tsconfig: 'worker-node/tsconfig.json',
    engines: WORKER_NODE,
  },
  {
    name: 'throughline',
    folder: 'throughline',
    description: 'The worker host of Throughline, and its command line.',
    form: 'files',
    exports: {
      './worker': 'worker-node/index.ts',
      './client': 'client/index.ts',
      './testing': 'testing/index.ts',
      './propagation': 'shared/propagation/index.ts',
    },
    bin: { throughline: 'cli/main.ts' },
    loaded: ['worker-node/loop-watch/watch-thread.ts'],
    assets: CREATED,
    elsewhere: { 'dev/index.ts': '@throughline/dev' },
    tsconfig: 'worker-node/tsconfig.json',
    engines: WORKER_NODE,
    peers: { '@throughline/dev': 'own' },
    optionalPeers: ['@throughline/dev'],
  },
  {
    name: 'create-throughline',
    folder: 'create-throughline',
    description: 'npm create throughline: makes a project for jobs on Throughline.',
    form: 'files',
    exports: {},
    bin: { 'create-throughline': 'create/main.ts' },
    assets: CREATED,
    tsconfig: 'worker-node/tsconfig.json',
    engines: WORKER_NODE,
  },
];
