import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ThroughlineError } from '../../../shared/errors.ts';
import { isOperation, type Operation } from '../operation.ts';
import { refuseExit } from '../refuse-exit.ts';
import { reportOf } from '../thrown.ts';
import { findAwait, findFault, type LoadFault, lineAt } from './load-fault.ts';
import { loadHint } from './load-hint.ts';
import { findOperationFiles } from './operation-files.ts';
import { provideOwnPackage } from './own-package.ts';

/** Loading a file may open connections, but must not take longer. */
const LIMIT_MS = 30_000;

/** An operation, and the file that exports it. */
export interface LoadedOperation {
  readonly operation: Operation;
  readonly file: string;
}

/**
 * Loads every operation that the files of a folder export, under any name.
 * @param remark takes a sentence about each operation that is not loaded, and about a folder without any
 * @throws ThroughlineError `config-invalid` naming the folder; or the file, and the line if that is known
 */
export async function loadOperations(
  folder: string,
  remark: (sentence: string) => void,
): Promise<LoadedOperation[]> {
  const { files, remarks } = await findOperationFiles(folder);
  remarks.forEach(remark);
  // Seen from here: the code of a file may go to another folder.
  const pending = new Map(files.map((file) => [file, path.resolve(file)]));
  const load = ([file, absolute]: [string, string]): Promise<LoadedOperation[]> =>
    loadFile(file, absolute).finally(() => void pending.delete(file));
  provideOwnPackage();
  const stuck = watchLoading(pending, remark);
  const allowExit = refuseExit();
  try {
    const loaded = Promise.all([...pending].map(load));
    return (await Promise.race([loaded, stuck.promise])).flat();
  } finally {
    stuck.stop();
    allowExit();
  }
}

/**
 * Looks after files that are being loaded.
 * @param pending those that are not loaded yet, with their absolute paths
 * @returns a promise that rejects if one of them will not load in time
 */
function watchLoading(pending: ReadonlyMap<string, string>, remark: (sentence: string) => void) {
  const { promise, reject } = Promise.withResolvers<never>();
  const giveUp = async (how: string): Promise<void> => {
    const [first] = pending;
    if (first !== undefined) reject(await neverLoaded(...first, how));
  };
  const timer = setTimeout(
    () => void giveUp(`has not loaded within ${LIMIT_MS / 1_000} s`),
    LIMIT_MS,
  ).unref();
  // Nothing is left that could settle an await.
  const onIdle = (): void => void giveUp('will never load');
  const onExit = (): void => remark(`the process ends while it loads ${[...pending.keys()].join(', ')}`);
  process.once('beforeExit', onIdle).once('exit', onExit);
  const stop = (): void => {
    clearTimeout(timer);
    process.off('beforeExit', onIdle).off('exit', onExit);
  };
  return { promise, stop };
}

async function loadFile(file: string, absolute: string): Promise<LoadedOperation[]> {
  const operations = [...new Set(await exportsOf(file, absolute))].filter(isOperation);
  if (operations.length > 0) return operations.map((operation) => ({ operation, file }));
  throw new ThroughlineError(
    'config-invalid',
    `${file} exports no operation; export what defineOperation() returns, or, if the file only helps others, move it to ${path.join(path.dirname(file), 'lib')}`,
  );
}

/** What a module exports. A CommonJS module may export all of it as one object. */
function valuesOf(exported: Readonly<Record<string, unknown>>): unknown[] {
  const { default: main } = exported;
  const isObject = typeof main === 'object' && main !== null && !isOperation(main);
  return [...Object.values(exported), ...(isObject ? Object.values(main) : [])];
}

async function exportsOf(file: string, absolute: string): Promise<unknown[]> {
  try {
    return valuesOf(await import(pathToFileURL(absolute).href));
  } catch (thrown) {
    throw await refusal(file, absolute, thrown);
  }
}

async function refusal(file: string, absolute: string, thrown: unknown): Promise<ThroughlineError> {
  const report = reportOf(thrown);
  const fault = await findFault(absolute, report);
  const hint = loadHint(report.summary, await lineAt(absolute, fault));
  const what = `cannot be loaded: ${report.summary}${hint === undefined ? '' : `; ${hint}`}`;
  return refused(file, fault, what, thrown);
}

/** The file waits at its top level for something that never comes. */
async function neverLoaded(file: string, absolute: string, how: string): Promise<ThroughlineError> {
  return refused(file, await findAwait(absolute), `${how}: it awaits something that does not settle`);
}

function refused(file: string, { line, inFile }: LoadFault, what: string, cause?: unknown): ThroughlineError {
  const at = line === undefined ? file : `${file}:${line}`;
  const where = inFile === undefined ? '' : ` (in ${inFile})`;
  return new ThroughlineError('config-invalid', `${at} ${what}${where}`, { cause });
}
