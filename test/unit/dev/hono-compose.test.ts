import { createRequire } from 'node:module';
import path from 'node:path';
import type { Context } from 'hono';
import { describe, expect, it } from 'vitest';
import { compose } from '../../../dev/edge/stand-ins/hono-compose.ts';

/** The package does not export these. */
const inHono = path.dirname(createRequire(import.meta.url).resolve('hono/hono-base'));
const { compose: theirs } = (await import(path.join(inHono, 'compose.js'))) as { compose: Compose };
const { Context: HonoContext } = (await import(path.join(inHono, 'context.js'))) as {
  Context: new (request: Request) => Context;
};

type Compose = typeof compose;
type Handler = (c: Context, next: () => Promise<void>) => unknown;

const onlyCallsNext: Handler = (_c, next) => next();
const waits: Handler = async (_c, next) => {
  await next();
};
const answers: Handler = (c) => c.text('answered');
const answersLate: Handler = async (c) => c.text('late');
const fails: Handler = () => {
  throw new Error('no');
};
const failsLate: Handler = async () => {
  throw new Error('no, late');
};
const failsAfter: Handler = async (_c, next) => {
  await next();
  throw new Error('no, after');
};
const changes: Handler = async (c, next) => {
  await next();
  c.header('x-error', c.error?.message ?? 'none');
};
const twice: Handler = async (_c, next) => {
  await next();
  await next();
};
const throwsText: Handler = () => {
  throw 'a text';
};

/** What becomes of a request that goes through the handlers. */
async function outcome(by: Compose, handlers: readonly Handler[], onError = true): Promise<unknown> {
  const c = new HonoContext(new Request('http://edge.example/'));
  const run = by(
    handlers.map((handler) => [[handler as never]] as never),
    onError ? async (error, context) => context.text(`error: ${error.message}`, 500) : undefined,
    (context) => context.text('nothing here', 404),
  );
  try {
    const { res, error } = await run(c);
    return { status: res.status, text: await res.text(), headers: [...res.headers], error: error?.message };
  } catch (thrown) {
    return { thrown: String(thrown) };
  }
}

describe('the way through the middleware', () => {
  it.each<[string, Handler[]]>([
    ['no handler', []],
    ['an answer', [answers]],
    ['an answer, and middleware that only calls next', [onlyCallsNext, onlyCallsNext, answers]],
    ['an answer, and middleware that waits for it', [waits, onlyCallsNext, waits, answersLate]],
    ['an answer that is changed', [onlyCallsNext, changes, onlyCallsNext, answers]],
    ['no answer', [onlyCallsNext, waits]],
    ['an error', [changes, onlyCallsNext, fails]],
    ['an error that is thrown at once', [onlyCallsNext, fails, answers]],
    ['a late error', [onlyCallsNext, changes, onlyCallsNext, failsLate]],
    ['an error after the answer', [changes, failsAfter, answers]],
    ['a handler that goes on twice', [onlyCallsNext, twice, answers]],
    ['a handler that is not reached', [answers, fails]],
    ['something thrown that is no error', [onlyCallsNext, throwsText]],
  ])('is that of Hono: %s', async (_name, handlers) => {
    expect(await outcome(compose, handlers)).toEqual(await outcome(theirs, handlers));
    expect(await outcome(compose, handlers, false)).toEqual(await outcome(theirs, handlers, false));
  });

  it('waits for nothing where no handler does', () => {
    const c = new HonoContext(new Request('http://edge.example/'));
    expect(compose([[[onlyCallsNext as never]], [[answers as never]]])(c)).toBe(c);
  });
});
