import type { Context, Next } from 'hono';

type Given = Response | Context | undefined;
type Handler = (c: Context, next: Next) => Given | Promise<Given>;
/** A handler as Hono's router gives it, with what it matched. */
type Matched = readonly [readonly [Handler, ...unknown[]], ...unknown[]];

/**
 * Stands for Hono's `compose`, which runs middleware one in the other (hono 4, `compose.ts`). wrangler.toml puts this module in its
 * place: Hono waits at each middleware, also at those that only pass on, and a submit goes through nine.
 * @returns runs the handlers for one request; it gives the context, whose `res` is the answer
 */
export function compose(
  handlers: readonly Matched[],
  onError?: (error: Error, c: Context) => Given | Promise<Given>,
  onNotFound?: (c: Context) => Given | Promise<Given>,
): (c: Context, next?: Handler) => Context | Promise<Context> {
  return (c, last) => {
    let reached = -1;
    return run(0);

    function run(at: number): Context | Promise<Context> {
      if (at <= reached) throw new Error('next() called multiple times');
      reached = at;
      let rest: unknown;
      try {
        const given = call(at, (() => (rest = run(at + 1))) as unknown as Next);
        // It only passed on: what comes after it has done everything.
        if (given !== undefined && given === rest) return rest as Context | Promise<Context>;
        return given instanceof Promise ? given.then(take, fail) : take(given);
      } catch (thrown) {
        return fail(thrown);
      }
    }

    function call(at: number, next: Next): Given | Promise<Given> {
      const matched = handlers[at];
      if (matched !== undefined) {
        c.req.routeIndex = at;
        return matched[0][0](c, next);
      }
      if (at === handlers.length && last !== undefined) return last(c, next);
      return c.finalized ? undefined : onNotFound?.(c);
    }

    function take(given: Given): Context {
      if (given !== undefined && !c.finalized) c.res = given as Response;
      return c;
    }

    function fail(thrown: unknown): Context | Promise<Context> {
      if (!(thrown instanceof Error && onError !== undefined)) throw thrown;
      c.error = thrown;
      const given = onError(thrown, c);
      return given instanceof Promise ? given.then(answer) : answer(given);
    }

    function answer(given: Given): Context {
      if (given !== undefined) c.res = given as Response;
      return c;
    }
  };
}
