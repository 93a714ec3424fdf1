/** `npm run bundle`: builds the Worker as a deployment would, and checks its size, its imports and its files. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { buildEdge } from '../dev/edge/build.ts';

const BUDGET_KIB = 200;
/** The modules that the Worker may import from workerd. Everything else must be inside the bundle. */
const ALLOWED_IMPORTS = [
  'cloudflare:workers',
  'node:async_hooks',
  'node:buffer',
  'node:events',
  'async_hooks',
  'events',
];
/** Names that appear in the bundle only when a module for Node got into it. */
const FORBIDDEN = [
  '@nats-io/transport-node',
  'node:net',
  'node:fs',
  'worker_threads',
  'import-in-the-middle',
];

/**
 * Files that the Worker may take types from, and nothing else. A schema takes time at each start of the Worker, and nothing there
 * checks an answer.
 */
const TYPES_ONLY = 'shared/api/answers/';

const directory = await mkdtemp(path.join(tmpdir(), 'throughline-bundle-'));
try {
  const metafile = path.join(directory, 'meta.json');
  const { scriptPath } = await buildEdge(directory, undefined, metafile);
  const script = await readFile(scriptPath);
  const kib = gzipSync(script, { level: 9 }).length / 1024;
  const faults = [
    ...importFaults(script.toString('utf8')),
    ...fileFaults(JSON.parse(await readFile(metafile, 'utf8'))),
    ...(kib > BUDGET_KIB ? [`${kib.toFixed(1)} KiB gzip`] : []),
  ];
  for (const fault of faults) process.stderr.write(`bundle: ${fault}\n`);
  process.stdout.write(`bundle: ${kib.toFixed(1)} KiB gzip of ${BUDGET_KIB} KiB\n`);
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}

function importFaults(script: string): string[] {
  const imported = [...script.matchAll(/(?:from|import)\s*["']([^"']+)["']/g)].map(([, name]) => name ?? '');
  const strangers = [...new Set(imported)].filter((name) => !ALLOWED_IMPORTS.includes(name));
  return [
    ...strangers.map((name) => `imports ${name}`),
    ...FORBIDDEN.filter((text) => script.includes(text)).map((text) => `contains ${text}`),
  ];
}

function fileFaults({ inputs }: { readonly inputs: object }): string[] {
  return Object.keys(inputs)
    .filter((file) => file.startsWith(TYPES_ONLY))
    .map((file) => `has ${file}: import only its types`);
}
