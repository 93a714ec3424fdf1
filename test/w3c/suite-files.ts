/** The files of the W3C's test suite of Trace Context. They are fetched, and not part of this repository. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { cacheDirectory, hostEnvironment } from '../../dev/machine/environment.ts';
import { describeThrown } from '../../shared/errors.ts';
import { SUITE } from '../support/suite-settings.ts';

const COMMIT = 'acab820be9db7b3433668baa5cdd43f57f4c4be0';
const SOURCE = `https://raw.githubusercontent.com/w3c/trace-context/${COMMIT}/test`;
const FETCH_MS = 20_000;

/** The SHA-256 of each file of that commit. */
const SHA256: Readonly<Record<string, string>> = {
  'client.py': '172ee326bc7fc603177f2a13a335625d628e4eac2a831bee5945b14aeb854031',
  'server.py': '2e542fce2bfd336d8e7bee4d0e9c2be2328951927b6bf72bd29c45e38c55b912',
  'test.py': '174bdae4113e6b3255a1c23e1ca7ce0340cbf29cfd1414575865c913b976f5f7',
  'tracecontext/__init__.py': '8c3e0e0836f4c15c123ec2b021804d5d71403ff67661b6045e995de4eccad31c',
  'tracecontext/traceparent.py': 'af268a3a9b35d2ff8502110901508142587eec5944719c79d2d0d7f6e112aa1f',
  'tracecontext/tracestate.py': '174132ba68e6f32c1bb11679214e8daf980ddb24a5fc82b6b75272ba2897edaa',
};

/**
 * Finds the suite in the cache, or gets it: from the folder that `W3C_SUITE` names, else from GitHub.
 * @returns the folder of its `test.py`, or a sentence that says why the suite is not there
 * @throws Error if a file is not the one of the pinned commit, or if the folder of `W3C_SUITE` lacks one
 */
export async function findSuite(): Promise<{ readonly folder: string } | { readonly whyNot: string }> {
  const folder = path.join(cacheDirectory(hostEnvironment()), 'w3c-suite', COMMIT);
  for (const name of Object.keys(SHA256)) {
    const file = path.join(folder, name);
    if (await isPinned(name, file)) continue;
    const content = await contentOf(name);
    if ('whyNot' in content) return content;
    await mkdir(path.dirname(file), { recursive: true });
    // Another run may do the same now.
    await writeFile(`${file}.${process.pid}`, content.bytes);
    await rename(`${file}.${process.pid}`, file);
  }
  return { folder };
}

async function isPinned(name: string, file: string): Promise<boolean> {
  const bytes = await readFile(file).catch(() => undefined);
  return bytes !== undefined && sha256(bytes) === SHA256[name];
}

async function contentOf(
  name: string,
): Promise<{ readonly bytes: Uint8Array } | { readonly whyNot: string }> {
  const source = SUITE.W3C_SUITE === undefined ? `${SOURCE}/${name}` : path.join(SUITE.W3C_SUITE, name);
  const content = SUITE.W3C_SUITE === undefined ? await download(source) : { bytes: await readFile(source) };
  if ('bytes' in content && sha256(content.bytes) !== SHA256[name])
    throw new Error(`${source} is not the file of commit ${COMMIT}`);
  return content;
}

async function download(url: string): Promise<{ readonly bytes: Uint8Array } | { readonly whyNot: string }> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_MS) });
    if (response.ok) return { bytes: new Uint8Array(await response.arrayBuffer()) };
    return { whyNot: `${url} answered ${response.status}` };
  } catch (thrown) {
    return { whyNot: `${url} cannot be fetched: ${describeThrown(thrown)}` };
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
