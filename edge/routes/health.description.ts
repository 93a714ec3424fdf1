import { Health, Readiness } from '../../shared/health.ts';
import { BROKER_PROBLEMS } from '../openapi/problems.ts';
import { json, type RouteDescription } from '../openapi/route-description.ts';

/** The routes of `health.ts`. */
export const healthDescriptions: readonly RouteDescription[] = [
  {
    method: 'get',
    path: '/healthz',
    operationId: 'getHealth',
    tag: 'Health',
    summary: 'Does this Worker run?',
    answers: { 200: json('It does.', Health, { ok: { status: 'ok' } }) },
  },
  {
    method: 'get',
    path: '/readyz',
    operationId: 'getReadiness',
    tag: 'Health',
    summary: 'Does NATS answer its bridge?',
    answers: {
      200: json('It does.', Readiness, {
        ready: {
          status: 'ready',
          nats: { bridge: 'bridge-global-0', state: 'open', connections: 1, roundTripMs: 2, watchedJobs: 0 },
        },
      }),
    },
    problems: BROKER_PROBLEMS,
  },
];
