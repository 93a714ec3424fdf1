import { syncBuiltinESMExports } from 'node:module';

/**
 * Makes `process.exit()` throw, because other jobs run in the same process. Our own code has to keep the function that it was.
 * In a listener for uncaught errors it only tells: Node ends the process if such a listener throws.
 * @param tell takes the error too, since the code that calls it may catch it
 * @param isRefused whether the code that runs now may not end the process; it is told whether that is a listener for uncaught errors
 * @returns a function that makes `process.exit()` what it was
 */
export function refuseExit(
  tell: (error: Error) => void = () => undefined,
  isRefused: (isUncaught: boolean) => boolean = () => true,
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
  setExit(((...given) => {
    // An exit code that is given, even undefined, replaces process.exitCode. A test may have replaced exit by one that returns.
    if (!isRefused(isUncaught)) return exit(...given);
    const error = new Error(`process.exit(${given[0] ?? ''}) was called`);
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
