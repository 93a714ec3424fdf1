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
