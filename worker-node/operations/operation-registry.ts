import { ThroughlineError } from '../../shared/errors.ts';
import type { LoadedOperation } from './loading/load-operations.ts';
import type { Operation } from './operation.ts';

/** Operations by name. */
export type OperationRegistry = ReadonlyMap<string, Operation>;

/**
 * Puts the operations of a host together.
 * @param loaded operations of an author, with their files
 * @throws ThroughlineError `config-invalid` when two have the same name
 */
export function createRegistry(
  builtIn: readonly Operation[],
  loaded: readonly LoadedOperation[] = [],
): OperationRegistry {
  const registry = new Map<string, Operation>();
  const origins = new Map<string, string>();
  const add = (operation: Operation, origin: string): void => {
    const { name } = operation;
    // A file that exports again what another one exports.
    if (registry.get(name) === operation) return;
    const other = origins.get(name);
    if (other !== undefined) {
      const message = `two operations are called ${name} (${other}, ${origin}); names must differ`;
      throw new ThroughlineError('config-invalid', message);
    }
    registry.set(name, operation);
    origins.set(name, origin);
  };
  for (const operation of builtIn) add(operation, 'built in');
  for (const { operation, file } of loaded) add(operation, file);
  return registry;
}
