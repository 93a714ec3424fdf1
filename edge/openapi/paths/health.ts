import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { Health, Readiness, Unreadiness } from '../../../shared/api/answers/health.ts';
import * as examples from '../examples.ts';
import { json, media, operation } from '../operation.ts';

export const healthPaths = {
  '/healthz': {
    get: operation({
      operationId: 'getHealth',
      tag: 'Health',
      summary: 'Check that this Worker runs',
      answers: { 200: json('This Worker runs.', Health, { ok: { status: 'ok' } }) },
    }),
  },
  '/readyz': {
    get: operation({
      operationId: 'getReadiness',
      tag: 'Health',
      summary: 'Check that NATS answers the bridges, and does what they need',
      description:
        'A caller with the scope `status:read` also gets the state of each bridge. A deployment may show it to all.',
      answers: {
        200: json('NATS answers every bridge, and does what it needs.', Readiness, {
          ready: { status: 'ready', bridges: [examples.BRIDGE] },
        }),
        503: {
          description:
            'NATS or a bridge does not answer, and jobs go to the outbox. Or NATS answers, and does not do what a bridge needs: `broker-refused`, with the reason.',
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
      summary: 'Read the state of the bridges and their outboxes, for Prometheus',
      scope: 'status:read',
      answers: {
        200: {
          description: 'The metrics in the text format of Prometheus.',
          content: { 'text/plain': media({ type: 'string' }) },
        },
      },
      problems: ['broker-unavailable'],
    }),
  },
} satisfies ZodOpenApiPathsObject;
