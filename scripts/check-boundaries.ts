/**
 * Checks which file may import which, by the rules of `boundaries.ts`. Type imports count like all others. `npm run lint` runs this
 * check; the rule `noImportCycles` in biome.json refuses circles, of types too.
 */
import { glob } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { IMPORTERS, type Importer, ROOMS, type Rooms, TOP_FOLDERS, type TopFolder } from './boundaries.ts';
import { type Import, importsOf } from './imports.ts';

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
    .map((file) => `${file} is in no room of ${folder}/: name its room in scripts/boundaries.ts`);
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
