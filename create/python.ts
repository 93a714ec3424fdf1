import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** The files of a worker in Python that are the user's own. */
const OWN = path.join(import.meta.dirname, 'python');
const OWN_FILES = ['README.md', 'operations.py', 'requirements.txt', 'test_operations.py'];
/** What serves the protocol: the reference worker, without its operations. */
const LIBRARY = path.join(import.meta.dirname, '../examples/python');
export const PYTHON_LIBRARY = [
  'client.py',
  'delivery.py',
  'job.py',
  'run.py',
  'telemetry.py',
  'tracestate.py',
  'worker.py',
];

const RUN = 'cd python && venv/bin/python -B';
/** The scripts of the project. The worker shares the group of the hosts in Node. */
const SCRIPTS: Readonly<Record<string, string>> = {
  'python:install':
    'python3 -m venv python/venv && python/venv/bin/python -m pip install --quiet --requirement python/requirements.txt',
  'python:test': `${RUN} -m unittest`,
  python: `cd python && WORKER_GROUP=workers WORKER_OPERATIONS='*' OTEL_SERVICE_NAME=throughline-python venv/bin/python -B worker.py`,
};
const ROW = '| `python/` | a worker in Python, with its own README |';

/** The files of a worker in Python, by the path in the project. */
export async function pythonFiles(): Promise<ReadonlyMap<string, string>> {
  const read = (folder: string, files: readonly string[]) =>
    files.map(async (file) => [`python/${file}`, await readFile(path.join(folder, file), 'utf8')] as const);
  return new Map(await Promise.all([...read(OWN, OWN_FILES), ...read(LIBRARY, PYTHON_LIBRARY)]));
}

/**
 * The files of the template that a worker in Python changes: the scripts of `package.json`, and the table of the README.
 * @param files all files of the template
 */
export function withPython(files: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const manifest = JSON.parse(files.get('package.json') ?? '{}') as { scripts?: Record<string, string> };
  const scripts = { ...manifest.scripts, ...SCRIPTS };
  const readme = (files.get('README.md') ?? '').replace(/^\| `edge\/index\.ts`/m, `${ROW}\n$&`);
  return new Map([
    ...files,
    ['package.json', `${JSON.stringify({ ...manifest, scripts }, null, 2)}\n`],
    ['README.md', readme],
  ]);
}
