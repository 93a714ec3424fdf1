import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { done, JobError, type RunContext, reject, retry, retryAfter } from '../../worker-node/index.ts';

/** A value that throws whenever anybody looks at it. */
export const HOSTILE: object = new Proxy(
  {},
  Object.fromEntries(
    Reflect.ownKeys(Reflect)
      .filter((trap) => typeof trap === 'string')
      .map((trap) => [
        trap,
        () => {
          throw new Error(`${trap} is not for you`);
        },
      ]),
  ),
);

const fail = (): never => {
  throw new Error('not for you either');
};
/** A list that throws whenever anybody reads it. */
export const HOSTILE_LIST: readonly unknown[] = new Proxy([], { get: fail });

/** A proxy of which nothing can be read any more. */
export function revoked<T extends object>(target: T): T {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

/** An error that is the cause of its cause. */
function endlessCauses(): Error {
  const error = new Error('inner');
  error.cause = new Error('outer', { cause: error });
  return error;
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

/** A small value whose JSON would be larger than any memory: each list stands at two places. */
export function endlessJson(): unknown[] {
  let list: unknown[] = ['x'];
  for (let level = 0; level < 60; level++) list = [list, list];
  return list;
}

type Untyped = (...given: unknown[]) => unknown;
/** What the code of an operation does. */
export type Mistake = (context: RunContext<unknown>) => unknown;

/** Values that no author means to hand over, and values that one may mean. */
const value = fc.oneof(
  fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
    withNullPrototype: true,
    withBoxedValues: true,
  }),
  fc
    .constantFrom(
      () => HOSTILE,
      () => runInNewContext('new Error("elsewhere")'),
      () => new AggregateError([new Error('a'), new JobError('b')], 'c'),
      () => Promise.resolve(1),
      () => new Proxy(new Map(), {}),
      () => 'x'.repeat(600_000),
      () => Symbol('s'),
      () => revoked([]),
      () => Object.assign(new Error('members'), { errors: HOSTILE_LIST }),
      () => Object.defineProperty(new Error('hidden'), 'message', { get: fail }),
      () => Object.freeze(Object.assign(new Error('frozen'), { stack: 5, name: {} })),
      () => endlessCauses(),
      () => ({ toJSON: fail }),
      () => ({
        get fraction() {
          return fail();
        },
      }),
      // biome-ignore lint/suspicious/noThenProperty: an author may return a promise of another library.
      () => ({ then: fail }),
      () => ({ [Symbol.toPrimitive]: fail, toString: fail, valueOf: fail }),
      () => ({ message: '\ud800'.repeat(1_000), fraction: -0 }),
      () => JSON.parse('{"__proto__":{"a":1},"constructor":null,"toJSON":1}'),
      () => nested(10_000),
      () => ({ body: endlessJson(), rows: new Float64Array(100_000) }),
      () => Object.assign(new Error(), { message: { all: endlessJson() } }),
      () => Buffer.alloc(100_000),
      () => new Proxy(new Error('behind a proxy'), {}),
      () => new AggregateError(Array.from({ length: 1_000 }, (_, at) => new Error(`member ${at}`))),
    )
    .map((make) => ({ make })),
);

/** fast-check looks at the values that it makes, which some of them do not bear. */
const real = (made: unknown): unknown =>
  typeof made === 'object' && made !== null && 'make' in made && typeof made.make === 'function'
    ? made.make()
    : made;

/**
 * Everything that an author can hand over wrongly: what the code returns, throws, reports and logs.
 * @param delayOf changes the delays that are asked for, so that a test need not wait for a day
 */
export function mistakes(delayOf: (delay: unknown) => unknown = (delay) => delay): fc.Arbitrary<Mistake> {
  return fc.oneof(
    value.map((made) => () => real(made)),
    value.map((made) => () => {
      throw real(made);
    }),
    value.map((made) => async () => {
      await Promise.resolve();
      throw real(made);
    }),
    fc.tuple(value, value).map(
      ([delay, message]) =>
        () =>
          (retryAfter as Untyped)(delayOf(real(delay)), real(message)),
    ),
    fc.tuple(value, value).map(([delay, message]) => () => {
      throw (retryAfter as Untyped)(delayOf(real(delay)), real(message));
    }),
    value.map((message) => () => (retry as Untyped)(real(message))),
    value.map((message) => () => (reject as Untyped)(real(message))),
    value.map((result) => () => done(real(result))),
    value.map(
      (report) =>
        ({ progress }: RunContext<unknown>) =>
          (progress as Untyped)(real(report)),
    ),
    fc.tuple(value, value).map(
      ([fields, message]) =>
        ({ log }: RunContext<unknown>) =>
          (log.info as Untyped)(real(fields), real(message)),
    ),
    value.map((message) => () => {
      throw new JobError(real(message) as string, { cause: real(message) });
    }),
  );
}
