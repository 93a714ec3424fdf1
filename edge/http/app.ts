import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { METHOD_NAME_ALL } from 'hono/router';
import { ThroughlineError } from '../../shared/errors.ts';
import { EdgeApp, type EdgeHono } from './edge-app.ts';
import { crossOrigin } from './middleware/cross-origin.ts';
import { renderProblem } from './middleware/problems.ts';
import { limitRequests } from './middleware/rate-limit.ts';
import { traceResponse } from './middleware/trace-response.ts';
import { deadLetterRoutes } from './routes/dead-letters.ts';
import { documentRoutes } from './routes/documents.ts';
import { healthRoutes } from './routes/health.ts';
import { jobRoutes } from './routes/jobs.ts';
import { operationRoutes } from './routes/operations.ts';
import { outboxRoutes } from './routes/outbox.ts';
import { scheduleRoutes } from './routes/schedules.ts';
import { usageRoutes } from './routes/usage.ts';

const MAX_SHOWN_PATH = 200;

/** The HTTP API, version 1. Its configuration and its clients come with each request, as Hono's bindings. */
export function createApp(): EdgeApp {
  const app = new EdgeApp();
  app.use(traceResponse());
  app.use(crossOrigin());
  app.use(limitRequests());
  app.use(answerOptions(app));
  app.route('/', healthRoutes());
  app.route('/', documentRoutes());
  app.route('/v1/jobs', jobRoutes());
  app.route('/v1/dead-letters', deadLetterRoutes());
  app.route('/v1/operations', operationRoutes());
  app.route('/v1/schedules', scheduleRoutes());
  app.route('/v1/usage', usageRoutes());
  app.route('/v1/outbox', outboxRoutes());
  app.notFound((c) => noRoute(c, app));
  app.onError(renderProblem);
  return app;
}

/** Answers OPTIONS with the methods of the path (RFC 9110, section 9.3.7), for every caller. */
function answerOptions(app: EdgeApp) {
  return createMiddleware<EdgeHono>(function answerOptions(c, next) {
    return c.req.method === 'OPTIONS' ? optionsOf(c, app) : next();
  });
}

async function optionsOf(c: Context<EdgeHono>, app: EdgeApp): Promise<Response> {
  const methods = allowedMethods(app, c.req.path);
  if (methods.length === 0) return noRoute(c, app);
  return c.body(null, 204, { allow: [...methods, 'OPTIONS'].join(', ') });
}

function noRoute(c: Context<EdgeHono>, app: EdgeApp): Response {
  const methods = allowedMethods(app, c.req.path);
  if (methods.length === 0) {
    const suggestions = nearPaths(app, c.req.path);
    const hint = suggestions.length > 0 ? `did you mean ${suggestions[0]}?` : 'GET /docs lists what there is';
    return renderProblem(new ThroughlineError('route-unknown', hint, { suggestions }), c);
  }
  const error = new ThroughlineError(
    'method-not-allowed',
    `use ${[...methods, ...itemOrList(app, c)].join(' or ')}`,
  );
  const response = renderProblem(error, c);
  response.headers.set('allow', methods.join(', '));
  return response;
}

/** For a request to a list that was probably meant for one of its items, or the other way round: the method and that path. At most one. */
function itemOrList(app: EdgeApp, { req }: Context<EdgeHono>): string[] {
  const list = parentOf(req.path);
  // What a POST would make in other APIs, a PUT with a name makes.
  const methods = req.method === 'POST' ? ['POST', 'PUT'] : [req.method];
  return app.routes
    .filter(({ method }) => methods.includes(method))
    .filter(({ path }) => path === list || path.replace(/\/:\w+$/, '') === req.path)
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/, '{$1}')}`)
    .slice(0, 1);
}

function parentOf(path: string): string {
  return path.replace(/\/[^/]*$/, '');
}

/** The path that was probably meant: one without a common mistake, if it has a route. At most one. */
function nearPaths(app: EdgeApp, path: string): string[] {
  const tidy = path.replace(/\/+/g, '/').replace(/\/$/, '').slice(0, MAX_SHOWN_PATH);
  const tries = [tidy, `/v1${tidy}`, tidy.replace(/^.*\/v1\//, '/v1/'), tidy.toLowerCase(), parentOf(tidy)];
  return tries.filter((one) => one !== path && allowedMethods(app, one).length > 0).slice(0, 1);
}

/** The methods that have a route at `path`. An answer 405 must list them (RFC 9110, section 15.5.6). */
export function allowedMethods(app: EdgeApp, path: string): string[] {
  const routes = app.routes.filter(({ method }) => method !== METHOD_NAME_ALL);
  const own = new Set(routes.map(({ handler }) => handler));
  const methods = [...new Set(routes.map(({ method }) => method))];
  const allowed = methods.filter((method) => {
    const [matches] = app.router.match(method, path);
    return matches.some(([[handler]]) => own.has(handler));
  });
  // A path that stands in a route as it is, such as /v1/jobs/batch, is no id.
  const exact = allowed.filter((method) =>
    routes.some((route) => route.method === method && route.path === path),
  );
  return exact.length > 0 ? exact : allowed;
}
