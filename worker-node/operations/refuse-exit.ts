import { syncBuiltinESMExports } from 'node:module';

/**
 * Makes `process.exit()` throw, because other jobs run in the same process. Our own code has to keep the function that it was.
 * In a listener for uncaught errors it only tells: Node ends the process if such a listener throws.
 * @param tell takes the error too, since the code that calls it may catch it
 * @param isRefused whether the code that runs now may not end the process
 * @returns a function that makes `process.exit()` what it was
 */
export function refuseExit(
  tell: (error: Error) => void = () => undefined,
  isRefused: () => boolean = () => true,
): () => void {
  const { exit } = process;
  let isUncaught = false;
  // Node calls this before the listeners for uncaught errors, all in one turn.
  const noteUncaught = (): void => {
    isUncaught = true;
    queueMicrotask(() => {
      isUncaught = false;
    });
  };
  process.on('uncaughtExceptionMonitor', noteUncaught);
  setExit(((code) => {
    if (!isRefused()) exit(code);
    const error = new Error(`process.exit(${code ?? ''}) was called`);
    tell(error);
    if (!isUncaught) throw error;
  }) as typeof exit);
  return () => {
    process.off('uncaughtExceptionMonitor', noteUncaught);
    setExit(exit);
  };
}

function setExit(exit: typeof process.exit): void {
  process.exit = exit;
  // For `import { exit } from 'node:process'`.
  syncBuiltinESMExports();
}
