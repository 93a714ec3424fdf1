/** The package `@throughline/edge`: the Worker, for a Worker of your own that wraps it. */
import type { DurableObject } from 'cloudflare:workers';
import { type ExecutionContext, Hono } from 'hono';
import { type Env, isOwnSetting } from './config.ts';
import {
  answerRequest,
  Bridge as BridgeObject,
  hasRoute,
  JobIndex as JobIndexObject,
  Schedules as SchedulesObject,
} from './edge.ts';

/** What Throughline needs of the bindings of a Worker. Its other settings are texts, and docs/SETTINGS.md lists them. */
export interface EdgeBindings {
  /** The Durable Object namespace of {@link Bridge}. */
  readonly BRIDGE: object;
  /** The Durable Object namespace of {@link JobIndex}. */
  readonly JOB_INDEX: object;
  /** The Durable Object namespace of {@link Schedules}. */
  readonly SCHEDULES: object;
  /** Where NATS is: `wss://nats.example`. */
  readonly NATS_URL: string;
}

/** What a Worker of your own adds. `Bindings` are all bindings of the Worker, with your own. */
export interface EdgeAdditions<Bindings extends EdgeBindings> {
  /** Adds routes and middleware that see a request first. Middleware sees the answers of Throughline too. */
  readonly before?: (app: Hono<{ Bindings: Bindings }>) => void;
  /** Adds routes for the paths at which neither `before` nor Throughline has any. */
  readonly after?: (app: Hono<{ Bindings: Bindings }>) => void;
}

/** A Worker's default export. */
export interface Edge<Bindings extends EdgeBindings> {
  readonly fetch: (request: Request, env: Bindings, ctx: ExecutionContext) => Promise<Response>;
}

/**
 * Makes a Worker that answers Throughline's API, and whatever you add to it.
 * @example
 * export { Bridge, JobIndex, Schedules } from '@throughline/edge';
 * export default createEdge<Env>({ before: (app) => app.get('/hello', (c) => c.text('hello')) });
 */
export function createEdge<Bindings extends EdgeBindings>(
  additions: EdgeAdditions<Bindings> = {},
): Edge<Bindings> {
  const app = new Hono<{ Bindings: Bindings }>();
  additions.before?.(app);
  app.all('*', async (c, next) => {
    if (additions.after !== undefined && !hasRoute(c.req.path)) return await next();
    return await answerRequest(c.req.raw, envOf(c.env), executionOf(c));
  });
  additions.after?.(app);
  app.notFound((c) => answerRequest(c.req.raw, envOf(c.env), executionOf(c)));
  return { fetch: async (request, env, ctx) => await app.fetch(request, env, ctx) };
}

function executionOf({ executionCtx }: { readonly executionCtx: ExecutionContext }) {
  return executionCtx as Parameters<typeof answerRequest>[2];
}

/** For each `env`, the bindings without those of the wrapping Worker: Throughline would warn about names that it does not know. */
const ownBindings = new WeakMap<object, Env>();

function envOf(env: EdgeBindings): Env {
  const known = ownBindings.get(env);
  if (known !== undefined) return known;
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => isOwnSetting(name))) as Env;
  ownBindings.set(env, own);
  return own;
}

/** The class of a Durable Object of Throughline. */
export interface EdgeObjectClass {
  new (state: DurableObjectState, env: never): DurableObject;
}

/** The Durable Object that holds a connection to NATS. */
export const Bridge: EdgeObjectClass = BridgeObject;
export type Bridge = DurableObject;

/** The Durable Object that lists jobs. */
export const JobIndex: EdgeObjectClass = JobIndexObject;
export type JobIndex = DurableObject;

/** The Durable Object that runs the schedules of a tenant. */
export const Schedules: EdgeObjectClass = SchedulesObject;
export type Schedules = DurableObject;
