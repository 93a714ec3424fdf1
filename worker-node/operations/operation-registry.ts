import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { isOperation, type Operation } from './operation.ts';

const OPERATION_FILE = /(?<!\.d|\.test)\.(?:ts|mts|js|mjs)$/;

/** Operations by name. */
export type OperationRegistry = ReadonlyMap<string, Operation>;

/** @throws ThroughlineError `config-invalid` when two have the same name */
export function createRegistry(operations: readonly Operation[]): OperationRegistry {
  const registry = new Map<string, Operation>();
  for (const operation of operations) {
    if (registry.has(operation.name)) {
      throw new ThroughlineError(
        'config-invalid',
        `two operations are called ${operation.name}; names must differ`,
      );
    }
    registry.set(operation.name, operation);
  }
  return registry;
}

/**
 * Loads every operation that the files of a folder export, under any name.
 * @throws ThroughlineError `config-invalid` naming the folder or the file
 */
export async function loadOperations(folder: string): Promise<Operation[]> {
  const files = await operationFiles(folder);
  const loaded = await Promise.all(files.map((file) => loadFile(path.join(folder, file))));
  return loaded.flat();
}

async function operationFiles(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((file) => OPERATION_FILE.test(file)).sort();
  } catch (cause) {
    throw new ThroughlineError('config-invalid', `the operations folder ${folder} cannot be read`, { cause });
  }
}

async function loadFile(file: string): Promise<Operation[]> {
  const exported = await importFile(file);
  const operations = [...new Set(Object.values(exported))].filter(isOperation);
  if (operations.length > 0) return operations;
  throw new ThroughlineError(
    'config-invalid',
    `${file} exports no operation; export what defineOperation() returns, or move the file out of the folder`,
  );
}

async function importFile(file: string): Promise<Record<string, unknown>> {
  try {
    return await import(pathToFileURL(path.resolve(file)).href);
  } catch (cause) {
    if (cause instanceof ThroughlineError) throw cause;
    throw new ThroughlineError('config-invalid', `${file} cannot be loaded: ${describeThrown(cause)}`, {
      cause,
    });
  }
}
