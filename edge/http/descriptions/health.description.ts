import { Health, Readiness, Unreadiness } from '../../../shared/api/health.ts';
import * as examples from '../openapi/examples.ts';
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
    summary: 'Does NATS answer its bridges?',
    answers: {
      200: json('It does.', Readiness, {
        ready: { status: 'ready', bridges: [examples.BRIDGE] },
      }),
      503: {
        description: 'It does not, or a bridge does not; jobs go to the outbox meanwhile.',
        headers: ['Retry-After'],
        content: { 'application/problem+json': { schema: Unreadiness } },
      },
    },
  },
  {
    method: 'get',
    path: '/metrics',
    operationId: 'getMetrics',
    tag: 'Health',
    summary: 'How the bridges and their outboxes are, for Prometheus',
    answers: {
      200: {
        description: "Prometheus' text format.",
        content: { 'text/plain': { schema: { type: 'string' } } },
      },
    },
    problems: ['broker-unavailable'],
  },
];
