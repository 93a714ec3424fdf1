/**
 * Keeps the global `Promise`, which the worker and all operations of its process use: an attempt to replace it throws. Another one may
 * lack what they need, such as `Promise.withResolvers`, and then no job of the host ends any more.
 * @returns a function that lets code replace it again
 */
export function keepPromise(): () => void {
  const own = Promise;
  const refuse = (): never => {
    throw new Error(
      'the global Promise was to be replaced, which the worker and all its operations use; give the other one a name of its own',
    );
  };
  Object.defineProperty(globalThis, 'Promise', {
    configurable: true,
    enumerable: false,
    get: () => own,
    set: refuse,
  });
  return () => {
    Object.defineProperty(globalThis, 'Promise', {
      configurable: true,
      enumerable: false,
      writable: true,
      value: own,
    });
  };
}
