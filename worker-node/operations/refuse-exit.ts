/**
 * Makes `process.exit()` throw when the code of an author calls it: other jobs run in the same process.
 * @param isAuthors whether the code that runs now is an author's
 * @param tell takes the error too, since the author's code may catch it
 * @returns a function that makes `process.exit()` what it was
 */
export function refuseExit(
  isAuthors: () => boolean,
  tell: (error: Error) => void = () => undefined,
): () => void {
  const { exit } = process;
  process.exit = (code) => {
    if (!isAuthors()) return exit.call(process, code);
    const error = new Error(`process.exit(${code ?? ''}) was called`);
    tell(error);
    throw error;
  };
  return () => {
    process.exit = exit;
  };
}
