import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { Health, Readiness, Unreadiness } from '../../../shared/api/health.ts';
import * as examples from '../examples.ts';
import { json, media, operation } from '../operation.ts';

export const healthPaths = {
  '/healthz': {
    get: operation({
      operationId: 'getHealth',
      tag: 'Health',
      summary: 'Does this Worker run?',
      answers: { 200: json('It does.', Health, { ok: { status: 'ok' } }) },
    }),
  },
  '/readyz': {
    get: operation({
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
          content: { 'application/problem+json': media(Unreadiness) },
        },
      },
    }),
  },
  '/metrics': {
    get: operation({
      operationId: 'getMetrics',
      tag: 'Health',
      summary: 'How the bridges and their outboxes are, for Prometheus',
      answers: {
        200: {
          description: "Prometheus' text format.",
          content: { 'text/plain': media({ type: 'string' }) },
        },
      },
      problems: ['broker-unavailable'],
    }),
  },
} satisfies ZodOpenApiPathsObject;
