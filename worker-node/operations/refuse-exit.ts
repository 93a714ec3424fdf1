import { syncBuiltinESMExports } from 'node:module';

/**
 * Makes `process.exit()` throw, because other jobs run in the same process. Our own code has to keep the function that it was.
 * @param tell takes the error too, since the code that calls it may catch it
 * @returns a function that makes `process.exit()` what it was
 */
export function refuseExit(tell: (error: Error) => void = () => undefined): () => void {
  const { exit } = process;
  setExit((code) => {
    const error = new Error(`process.exit(${code ?? ''}) was called`);
    tell(error);
    throw error;
  });
  return () => setExit(exit);
}

function setExit(exit: typeof process.exit): void {
  process.exit = exit;
  // For `import { exit } from 'node:process'`.
  syncBuiltinESMExports();
}
