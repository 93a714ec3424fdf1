import type { Context } from 'hono';
import { METHOD_NAME_ALL } from 'hono/router';
import { ThroughlineError } from '../../shared/errors.ts';
import { EdgeApp, type EdgeHono } from './edge-app.ts';
import { crossOrigin } from './middleware/cross-origin.ts';
import { renderProblem } from './middleware/problems.ts';
import { traceResponse } from './middleware/trace-response.ts';
import { deadLetterRoutes } from './routes/dead-letters.ts';
import { documentRoutes } from './routes/documents.ts';
import { healthRoutes } from './routes/health.ts';
import { jobRoutes } from './routes/jobs.ts';
import { operationRoutes } from './routes/operations.ts';
import { outboxRoutes } from './routes/outbox.ts';

/** The HTTP API, version 1. Its configuration and its clients come with each request, as Hono's bindings. */
export function createApp(): EdgeApp {
  const app = new EdgeApp();
  app.use(traceResponse());
  app.use(crossOrigin());
  app.route('/', healthRoutes());
  app.route('/', documentRoutes());
  app.route('/v1/jobs', jobRoutes());
  app.route('/v1/dead-letters', deadLetterRoutes());
  app.route('/v1/operations', operationRoutes());
  app.route('/v1/outbox', outboxRoutes());
  app.notFound((c) => noRoute(c, allowedMethods(app, c.req.path)));
  app.onError(renderProblem);
  return app;
}

function noRoute(c: Context<EdgeHono>, methods: readonly string[]): Response {
  if (methods.length === 0)
    return renderProblem(new ThroughlineError('route-unknown', 'see GET /v1/operations'), c);
  const error = new ThroughlineError('method-not-allowed', `use ${methods.join(' or ')}`);
  const response = renderProblem(error, c);
  response.headers.set('allow', methods.join(', '));
  return response;
}

/** The methods that have a route at `path`. An answer 405 must list them (RFC 9110, section 15.5.6). */
function allowedMethods(app: EdgeApp, path: string): string[] {
  const methods = new Set(
    app.routes.map(({ method }) => method).filter((method) => method !== METHOD_NAME_ALL),
  );
  const own = new Set(
    app.routes.filter(({ method }) => method !== METHOD_NAME_ALL).map(({ handler }) => handler),
  );
  return [...methods].filter((method) => {
    const [matches] = app.router.match(method, path);
    return matches.some(([[handler]]) => own.has(handler));
  });
}
