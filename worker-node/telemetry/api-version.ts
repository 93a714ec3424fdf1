import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/**
 * The version of the global object of `@opentelemetry/api`. An operation may bring its own copy of that package. All copies of
 * one major version share one global object, but a copy does not read from an object that an older copy has made. Every span of
 * such an operation would be lost without a word. So the object gets a newer version.
 *
 * `@opentelemetry/api` 1.10.0, `internal/semver`: a copy reads if its minor version is not higher than that of the object.
 * `internal/global-utils`: it writes only if both versions are the same.
 */
const API = Symbol.for('opentelemetry.js.api.1');
/** Its types of spans, tracers, contexts and propagators are those that our SDK has. */
const NEWEST_MINOR = 10;
/** No copy has such a patch version, so it is the version of no other. */
const OPEN_VERSION = `1.${NEWEST_MINOR}.9999`;

interface GlobalApi {
  version: string;
}

let ownVersion = OPEN_VERSION;

/** Lets newer copies of the API use the tracing that this process has started. */
export function openToNewerApis(): void {
  const api = globalApi();
  if (api === undefined || api.version === OPEN_VERSION) return;
  ownVersion = api.version;
  api.version = OPEN_VERSION;
}

/**
 * Registers something with our own copy of the API, also after {@link openToNewerApis}.
 * @param register calls the API, such as `metrics.setGlobalMeterProvider`
 */
export function registerGlobally(register: () => void): void {
  const api = globalApi();
  if (api?.version !== OPEN_VERSION) {
    register();
    return;
  }
  api.version = ownVersion;
  try {
    register();
  } finally {
    api.version = OPEN_VERSION;
  }
}

/**
 * Checks whether the spans of a file can become part of the trace.
 * @param file the absolute path of a file that may import the API
 * @returns a sentence, if its copy of the API cannot use our tracing; undefined if it can, or has none
 */
export function apiProblem(file: string): string | undefined {
  const version = versionFor(file);
  const [major, minor = 0] = version?.split('.').map(Number) ?? [];
  if (major === undefined || (major === 1 && minor <= NEWEST_MINOR)) return undefined;
  return (
    `${file} imports @opentelemetry/api ${version}, which cannot use the tracing of this worker: its spans are lost. ` +
    `Install a version before 1.${NEWEST_MINOR + 1}, or import what it needs from throughline/worker`
  );
}

function globalApi(): GlobalApi | undefined {
  return (globalThis as { [API]?: GlobalApi })[API];
}

/** The version of the API that a file imports; undefined if it finds none. The package does not export its manifest. */
function versionFor(file: string): string | undefined {
  try {
    const [, folder] =
      /^(.*@opentelemetry[\\/]api)[\\/]/.exec(createRequire(file).resolve('@opentelemetry/api')) ?? [];
    const { version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as {
      readonly version: string;
    };
    return version;
  } catch {
    return undefined;
  }
}
