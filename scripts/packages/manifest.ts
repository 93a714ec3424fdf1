import { builtinModules } from 'node:module';
import type { PackageSpec } from './catalog.ts';
import { WORKERD } from './edge-bundle.ts';

/** What the manifest of the tree says for all packages. */
export interface TreeManifest {
  readonly version: string;
  readonly license: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** The path of what is made from a source file, from the folder of the package. */
export function builtPath(source: string, extension: '.js' | '.d.ts'): string {
  return `./dist/${source.replace(/\.ts$/, extension)}`;
}

/**
 * The manifest of a package.
 * @param imported the packages that its files import, with those of its types
 * @throws Error when the tree has no version of one of them
 */
export function manifestOf(spec: PackageSpec, tree: TreeManifest, imported: readonly string[]): object {
  const { name, description, engines, bin, form } = spec;
  const peers = Object.entries(spec.peers ?? {}).map(([peer, range]) => [
    peer,
    range === 'own' ? tree.version : range,
  ]);
  const optional = (spec.optionalPeers ?? []).map((peer) => [peer, { optional: true }]);
  return {
    name,
    version: tree.version,
    description,
    license: tree.license,
    type: 'module',
    // A bundler may leave out what is not used, unless the instrumentation of the edge is in it, which changes globals.
    ...(form === 'bundle' && spec.runtime !== 'workerd' ? { sideEffects: false } : {}),
    exports: { ...exportsOf(spec), './package.json': './package.json' },
    ...(bin === undefined ? {} : { bin: mapValues(bin, (source) => builtPath(source, '.js')) }),
    files: ['dist', 'src'],
    engines: { node: engines },
    ...(spec.runtime === 'workerd' ? { workerd: WORKERD } : {}),
    ...filled('dependencies', dependenciesOf(spec, tree, imported)),
    ...filled('peerDependencies', Object.fromEntries(peers)),
    ...filled('peerDependenciesMeta', Object.fromEntries(optional)),
  };
}

function exportsOf({ exports }: PackageSpec): object {
  return mapValues(exports, (source) => ({
    types: builtPath(source, '.d.ts'),
    default: builtPath(source, '.js'),
  }));
}

function dependenciesOf(spec: PackageSpec, tree: TreeManifest, imported: readonly string[]): object {
  const needed = [...imported, ...(spec.needs ?? [])];
  const own = needed.filter((name) => spec.peers?.[name] === undefined);
  return Object.fromEntries(own.sort().map((name) => [name, rangeOf(name, tree)]));
}

/**
 * The versions of a package that fit. Those of OpenTelemetry name each other's exact versions: with any other one, npm would
 * install many of them twice.
 */
function rangeOf(name: string, tree: TreeManifest): string {
  if (name.startsWith('@throughline/') || name === 'throughline') return tree.version;
  const version = tree.dependencies[name] ?? tree.devDependencies[name];
  if (version === undefined) throw new Error(`package.json has no version of ${name}`);
  if (name === '@opentelemetry/api') return `~${version}`;
  return name.startsWith('@opentelemetry/') || version.includes('-') ? version : `^${version}`;
}

function filled(name: string, values: object): object {
  return Object.keys(values).length === 0 ? {} : { [name]: values };
}

function mapValues<Value, Mapped>(
  values: Readonly<Record<string, Value>>,
  map: (value: Value) => Mapped,
): Record<string, Mapped> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]));
}

/** The package that an import names: `hono/cors` is of hono. Undefined: a module of the runtime, or a file. */
export function packageOf(specifier: string): string | undefined {
  if (/^[./]|^[a-z]+:/.test(specifier) || builtinModules.includes(specifier)) return undefined;
  const [scope = '', name = ''] = specifier.split('/');
  return scope.startsWith('@') ? `${scope}/${name}` : scope;
}
