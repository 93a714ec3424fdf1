import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../machine/command.ts';
import { PINNED_VERSION } from './version.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const WHOLE_TIMEOUT_MS = 60_000;

/** An archive on a release host, and the checksum that it must have. */
export interface Release {
  url: string;
  sha256: string;
}

// From the SHA256SUMS file of the release. Change these together with PINNED_VERSION.
const SHA256: Record<string, string> = {
  'linux-amd64': '5e3b603d47c447bda1f77f9ac16dbf91c90aac4ff3681f8fbbc7201e4ed99355',
  'linux-arm64': '673a98d3faa79dde3f9ebf16d6dfac36a5f694e7ad2015e4954dd7939c85cd4c',
};

/** The release of a version for a Node platform and architecture, or undefined when no checksum is pinned for it. */
export function releaseOf(version: string, platform: string, arch: string): Release | undefined {
  const target = `${platform}-${arch === 'x64' ? 'amd64' : arch}`;
  const sha256 = version === PINNED_VERSION ? SHA256[target] : undefined;
  if (sha256 === undefined) return undefined;
  const host = 'https://github.com/nats-io/nats-server/releases/download';
  return { url: `${host}/v${version}/nats-server-v${version}-${target}.tar.gz`, sha256 };
}

/**
 * Downloads a release and unpacks it into `directory`.
 * @returns the path of the program
 * @throws an Error when the checksum is not the pinned one
 */
export async function downloadRelease(release: Release, directory: string): Promise<string> {
  const archive = await download(release.url);
  const sha256 = createHash('sha256').update(archive).digest('hex');
  if (sha256 !== release.sha256) {
    throw new Error(
      `checksum mismatch, file refused: ${release.url} has ${sha256}, expected ${release.sha256}`,
    );
  }
  const file = join(directory, 'release.tar.gz');
  await writeFile(file, archive);
  await runCommand('tar', ['-xzf', file, '-C', directory, '--strip-components=1'], { timeoutMs: 30_000 });
  return join(directory, 'nats-server');
}

async function download(url: string): Promise<Uint8Array> {
  const connecting = new AbortController();
  const timer = setTimeout(
    () => connecting.abort(new Error(`no answer within ${CONNECT_TIMEOUT_MS / 1000} s`)),
    CONNECT_TIMEOUT_MS,
  );
  try {
    const signal = AbortSignal.any([connecting.signal, AbortSignal.timeout(WHOLE_TIMEOUT_MS)]);
    const response = await fetch(url, { signal });
    clearTimeout(timer);
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw new Error(`${url}: ${innermostMessage(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** `fetch` only says "fetch failed". The reason (DNS, refused, TLS) is in the cause. */
function innermostMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return innermostMessage(error.cause);
  return error.message === '' && 'code' in error ? String(error.code) : error.message;
}

/**
 * Builds a version of nats-server in `directory` with the Go of this machine. Go checks the sources against its checksum
 * database.
 * @returns the path of the program
 */
export async function buildWithGo(
  version: string,
  directory: string,
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  const target = `github.com/nats-io/nats-server/v2@v${version}`;
  await runCommand('go', ['install', target], {
    cwd: directory,
    // nats-server is pure Go. Without cgo, the machine needs no C compiler.
    environment: { ...environment, GOBIN: directory, CGO_ENABLED: '0' },
    timeoutMs: 5 * 60_000,
  });
  return join(directory, 'nats-server');
}
