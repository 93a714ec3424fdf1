import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { ThroughlineError } from '../shared/errors.ts';
import { fileFault } from '../shared/text/file-fault.ts';

/** The packages of Throughline in the `package.json` of a new project. */
const PACKAGES = ['throughline', '@throughline/client', '@throughline/dev', '@throughline/edge'];
/** Where a project keeps them, if they come from no registry. */
const FOLDER = 'packages';

/** Files of `npm pack`, for a project that gets the packages from no registry. */
export class PackedPackages {
  readonly #from: string;
  readonly #files: ReadonlyMap<string, string>;

  private constructor(from: string, files: ReadonlyMap<string, string>) {
    this.#from = from;
    this.#files = files;
  }

  /**
   * @param folder where the files are
   * @param version the version of the packages
   * @throws ThroughlineError `request-invalid` if a file is not there
   */
  static async in(folder: string, version: string): Promise<PackedPackages> {
    const files = new Map(
      PACKAGES.map((name) => [name, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`]),
    );
    const found = await readdir(folder).catch((thrown: NodeJS.ErrnoException) => {
      throw new ThroughlineError('request-invalid', `${folder} cannot be read: ${fileFault(thrown)}`, {
        cause: thrown,
      });
    });
    const missing = [...files.values()].filter((file) => !found.includes(file));
    if (missing.length > 0)
      throw new ThroughlineError(
        'request-invalid',
        `${folder} does not hold ${missing.join(', ')}; pack all packages of this version there`,
      );
    return new PackedPackages(folder, files);
  }

  /** What the project keeps of them, by the path in it. */
  async files(): Promise<ReadonlyMap<string, Uint8Array>> {
    const contents = [...this.#files.values()].map(
      async (file) => [`${FOLDER}/${file}`, await readFile(path.join(this.#from, file))] as const,
    );
    return new Map(await Promise.all(contents));
  }

  /** What the project's `package.json` says for a package. */
  specOf(name: string): string {
    return `file:${FOLDER}/${this.#files.get(name)}`;
  }
}

/** The values of the template's placeholders for packages: what `package.json` says for each, and a line of the Dockerfile. */
export function packageValues(packed: PackedPackages | undefined, version: string): [string, string][] {
  return [
    ...PACKAGES.map((name): [string, string] => [name, packed?.specOf(name) ?? version]),
    ['copy-packages', packed === undefined ? '' : `COPY ${FOLDER} ./${FOLDER}\n`],
  ];
}
