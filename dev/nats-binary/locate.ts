import { mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../create/make-folder.ts';
import { describeThrown } from '../../shared/errors.ts';
import { isAtLeastVersion } from '../../shared/nats/server-version.ts';
import { findOnPath } from '../machine/command.ts';
import { unpackDebianPackage } from '../machine/debian-package.ts';
import { cacheDirectory } from '../machine/environment.ts';
import { withLock } from './lock.ts';
import { buildWithGo, downloadRelease, type Release, releaseOf } from './release.ts';
import { FULL_VERSION, OLDEST_VERSION, PINNED_VERSION, readVersion } from './version.ts';

/** Where a nats-server can come from, in the order of the search. An older one on PATH is tried before Debian. */
type NatsServerSource = 'path' | 'cache' | 'release' | 'go' | 'debian';

/** A nats-server that answered `--version` on this machine. */
export interface LocatedNatsServer {
  path: string;
  version: string;
  source: NatsServerSource;
}

export interface LocateOptions {
  /** PATH, and what go and apt-get need (HOME, proxy settings). `hostEnvironment()` is this process's own. */
  environment: NodeJS.ProcessEnv;
  /** The cache folder; `cacheDirectory(environment)` if not given. */
  cacheDir?: string;
  /** Takes each line of progress; default: none. */
  log?: (line: string) => void;
  /** The sources to try; default: all. */
  sources?: readonly NatsServerSource[];
  /** Default: the release of the version for this machine. Another one is for a mirror, and for tests. */
  release?: Release | undefined;
  /** Exactly this version. Default: the pinned one, or what PATH or Debian have. */
  version?: string;
}

/**
 * Finds a nats-server, or fetches one into the cache. It tries, in this order: a new enough one on PATH, the cache, the
 * release, a build with Go, an older one on PATH, Debian's package. If the options name a version, it takes no other one.
 * Several processes may call it at the same time.
 * @throws an Error that lists what was tried, why each source failed, and what the user can do
 */
export async function locateNatsServer(options: LocateOptions): Promise<LocatedNatsServer> {
  return new Search(options).run();
}

/** One call of {@link locateNatsServer}: its settings, and the failures so far. */
class Search {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #home: string;
  readonly #log: (line: string) => void;
  readonly #sources: readonly NatsServerSource[] | undefined;
  readonly #release: Release | undefined;
  /** Whether no other version will do. */
  readonly #isExact: boolean;
  /** The version to fetch. */
  readonly #version: string;
  readonly #failures: string[] = [];

  constructor(options: LocateOptions) {
    this.#environment = options.environment;
    this.#home = join(options.cacheDir ?? cacheDirectory(options.environment), 'nats-server');
    this.#log = options.log ?? (() => undefined);
    this.#sources = options.sources;
    this.#isExact = options.version !== undefined;
    this.#version = options.version ?? PINNED_VERSION;
    this.#release = options.release ?? releaseOf(this.#version, process.platform, process.arch);
  }

  async run(): Promise<LocatedNatsServer> {
    const found = (await this.#onPath(FULL_VERSION)) ?? (await this.#cached());
    if (found !== undefined) return found;
    try {
      await makeFolder(this.#home);
      const fetched = await withLock(
        join(this.#home, 'lock'),
        () => this.#fetched(),
        () => this.#log('another process is fetching nats-server: waiting for it…'),
      );
      if (fetched !== undefined) return fetched;
    } catch (error) {
      this.#fail('cache', `${this.#home} cannot be used: ${describeThrown(error)}`);
    }
    throw new Error(this.#explanation());
  }

  async #fetched(): Promise<LocatedNatsServer | undefined> {
    // The process that held the lock before may have fetched it.
    const found = (await this.#cached()) ?? (await this.#downloaded()) ?? (await this.#built());
    if (found !== undefined || this.#isExact) return found;
    return (await this.#onPath(OLDEST_VERSION)) ?? (await this.#fromDebian());
  }

  async #onPath(minimum: string): Promise<LocatedNatsServer | undefined> {
    if (!this.#uses('path')) return undefined;
    const path = await findOnPath('nats-server', this.#environment.PATH);
    if (path === undefined) return this.#fail('path', 'no nats-server in the directories of PATH');
    try {
      const version = await readVersion(path);
      if (this.#isExact && version !== this.#version) return this.#fail('path', `${path} is ${version}`);
      if (isAtLeastVersion(version, minimum)) return this.#found({ path, version, source: 'path' });
      return this.#fail('path', `${path} is ${version}, older than ${minimum}`);
    } catch (error) {
      return this.#fail('path', describeThrown(error));
    }
  }

  async #cached(): Promise<LocatedNatsServer | undefined> {
    if (!this.#uses('cache')) return undefined;
    try {
      const version = await readVersion(this.#target);
      if (version === this.#version) return { path: this.#target, version, source: 'cache' };
      return this.#fail('cache', `${this.#target} is ${version}`);
    } catch (error) {
      return this.#fail('cache', describeThrown(error));
    }
  }

  async #downloaded(): Promise<LocatedNatsServer | undefined> {
    if (!this.#uses('release')) return undefined;
    const release = this.#release;
    if (release === undefined) {
      return this.#fail('release', `no checksum for ${this.#version} on ${process.platform} ${process.arch}`);
    }
    this.#log(`fetching nats-server ${this.#version} from ${new URL(release.url).host}…`);
    return this.#fetch('release', this.#target, (directory) => downloadRelease(release, directory));
  }

  async #built(): Promise<LocatedNatsServer | undefined> {
    if (!this.#uses('go')) return undefined;
    if ((await findOnPath('go', this.#environment.PATH)) === undefined) {
      return this.#fail('go', 'Go is not installed');
    }
    this.#log(`fetching nats-server ${this.#version} with go install (about a minute, once)…`);
    return this.#fetch('go', this.#target, (directory) =>
      buildWithGo(this.#version, directory, this.#environment),
    );
  }

  async #fromDebian(): Promise<LocatedNatsServer | undefined> {
    if (!this.#uses('debian')) return undefined;
    const path = join(this.#home, 'debian', 'nats-server');
    const version = await readVersion(path).catch(() => undefined);
    if (version !== undefined) return this.#found({ path, version, source: 'debian' });
    if ((await findOnPath('apt-get', this.#environment.PATH)) === undefined) {
      return this.#fail('debian', 'apt-get is not on this machine');
    }
    this.#log("fetching Debian's nats-server package (unpacked, not installed)…");
    // Debian 12 has version 2.9.
    const found = await this.#fetch('debian', path, async (directory) =>
      join(await unpackDebianPackage('nats-server', directory, this.#environment), 'usr/sbin/nats-server'),
    );
    return found === undefined ? undefined : this.#found(found);
  }

  /** Fetches into a new folder, checks that the program runs, and then moves it to `target` in one atomic step. */
  async #fetch(
    source: NatsServerSource,
    target: string,
    obtain: (directory: string) => Promise<string>,
  ): Promise<LocatedNatsServer | undefined> {
    const directory = await mkdtemp(join(this.#home, 'fetching-'));
    try {
      const binary = await obtain(directory);
      const version = await readVersion(binary);
      await makeFolder(dirname(target));
      await rename(binary, target);
      return { path: target, version, source };
    } catch (error) {
      this.#log(`nats-server: ${source} failed: ${describeThrown(error)}`);
      return this.#fail(source, describeThrown(error));
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  #found(server: LocatedNatsServer): LocatedNatsServer {
    if (!isAtLeastVersion(server.version, FULL_VERSION)) {
      this.#log(`nats-server ${server.version} is older than ${FULL_VERSION}: delayed jobs will be refused`);
    }
    return server;
  }

  /** Keeps a failure for the explanation. The same failure is kept once. */
  #fail(source: NatsServerSource, reason: string): undefined {
    const line = `  ${source.padEnd(8)}${reason}`;
    if (!this.#failures.includes(line)) this.#failures.push(line);
    return undefined;
  }

  #explanation(): string {
    const wanted = this.#isExact ? ` ${this.#version}` : '';
    return [
      `No nats-server${wanted} was found, and none could be fetched. These were tried:`,
      ...this.#failures,
      'Do one of these, and try again:',
      `  - install nats-server ${this.#isExact ? this.#version : `${FULL_VERSION} or newer`} so that it is on PATH`,
      `  - put the nats-server ${this.#version} binary at ${this.#target}`,
      '  - install Go, or let this machine reach github.com (through a proxy: set HTTPS_PROXY and NODE_USE_ENV_PROXY=1)',
    ].join('\n');
  }

  get #target(): string {
    return join(this.#home, `v${this.#version}`, 'nats-server');
  }

  #uses(source: NatsServerSource): boolean {
    return this.#sources?.includes(source) ?? true;
  }
}
