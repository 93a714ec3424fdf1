/** Something that is the same for all code of the process, and that the worker or its NATS client uses. */
interface KeptGlobal {
  readonly works: (value: unknown) => boolean;
  /** What a replacement of it lacks that does not work. */
  readonly lacks: string;
}

const KEPT: Readonly<Record<string, KeptGlobal>> = {
  // That of bluebird has no such function.
  Promise: {
    works: (value) => typeof (value as Partial<PromiseConstructor>).withResolvers === 'function',
    lacks: 'has no Promise.withResolvers',
  },
  // Those of jsdom call the global ones, and would call themselves without an end.
  atob: { works: (value) => (value as typeof atob)('aGk=') === 'hi', lacks: 'cannot decode "aGk="' },
  btoa: { works: (value) => (value as typeof btoa)('hi') === 'aGk=', lacks: 'cannot encode "hi"' },
};

/**
 * Keeps the globals without which no job of the host ends any more. The code of an operation, or of a package that it imports, may only put
 * something in their place that does the same; anything else throws there.
 * @returns a function that makes them ordinary globals again
 */
export function keepGlobals(): () => void {
  const ends = Object.entries(KEPT).map(([name, kept]) => keep(name, kept));
  return () => {
    for (const end of ends) end();
  };
}

function keep(name: string, { works, lacks }: KeptGlobal): () => void {
  const { enumerable = false } = Object.getOwnPropertyDescriptor(globalThis, name) ?? {};
  const common = { configurable: true, enumerable };
  let current: unknown = Reflect.get(globalThis, name);
  const define = (read: () => unknown): void => {
    Object.defineProperty(globalThis, name, { ...common, get: read, set: replace });
  };
  const read = (): unknown => current;
  const replace = (other: unknown): void => {
    let isRead = false;
    define(() => {
      isRead = true;
      return current;
    });
    const isGood = doesWork(works, other);
    define(read);
    // One that reads the global would call itself in its place.
    if (!isGood || isRead)
      throw new Error(
        `the global ${name} was to be replaced by one that ${lacks}, which the worker needs; give the other one a name of its own`,
      );
    current = other;
  };
  define(read);
  return () => {
    Object.defineProperty(globalThis, name, { ...common, writable: true, value: current });
  };
}

function doesWork(works: KeptGlobal['works'], value: unknown): boolean {
  try {
    return works(value);
  } catch {
    return false;
  }
}
