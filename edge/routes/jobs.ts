import { type Context, Hono } from 'hono';
import { ThroughlineError } from '../../shared/errors.ts';
import { isTerminal, type Job, LIMITS } from '../../shared/job.ts';
import { jsonPointer } from '../../shared/json-pointer.ts';
import { isToken } from '../../shared/subjects.ts';
import { writeJson } from '../../shared/wire.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { jsonBody } from '../middleware/json-body.ts';
import type { EdgeHono } from '../scope.ts';
import { cancelJob } from './cancel-job.ts';
import { jobIdFor } from './job-id.ts';
import { preferredWait } from './prefer.ts';
import { SubmitJob } from './submit-job.ts';

const MAX_VIOLATIONS = 10;
const MAX_MESSAGE_LENGTH = 200;

/** `/v1/jobs`: submit, read, cancel. */
export function jobRoutes(): Hono<EdgeHono> {
  const app = new Hono<EdgeHono>();
  app.use(authenticate());
  app.post('/', jsonBody(), submitJob);
  app.get('/:id', readJob);
  app.delete('/:id', (c) => cancelJob(c, tenantOf(c)));
  return app;
}

async function submitJob(c: Context<EdgeHono>): Promise<Response> {
  const request = parse(await c.req.json());
  checkInputSize(request, c.env.config.MAX_INPUT_BYTES);
  const tenant = tenantOf(c);
  const key = c.req.header('idempotency-key');
  const wait = preferredWait(c.req.header('prefer'), LIMITS.waitSeconds);
  const job = await c.env.bridge.submit({
    tenant,
    jobId: await jobIdFor(tenant, key),
    operation: request.operation,
    input: request.input ?? null,
    acceptedAt: new Date().toISOString(),
    maxAttempts: request.maxAttempts,
    timeoutMs: request.timeout,
    waitMs: (wait ?? 0) * 1_000,
    mayExist: key !== undefined,
  });
  if (wait !== undefined) c.header('preference-applied', `wait=${wait}`);
  c.header('location', job.links.self);
  return c.json(job, isTerminal(job.state) ? 200 : 202);
}

async function readJob(c: Context<EdgeHono>): Promise<Response> {
  const id = c.req.param('id');
  // An id that can be nobody's gets the answer of an id that is not yours.
  const job = isToken(id) ? await c.env.bridge.read(tenantOf(c), id) : undefined;
  if (job === undefined) throw new ThroughlineError('job-unknown', 'no job of yours has this id');
  return c.json<Job>(job);
}

function tenantOf(c: Context<EdgeHono>): string {
  const { identity } = c.env.intake;
  if (identity === undefined) throw new ThroughlineError('unauthenticated', 'a key is needed');
  return identity.tenant;
}

function parse(body: unknown): SubmitJob {
  const parsed = SubmitJob.safeParse(body);
  if (parsed.success) return parsed.data;
  const violations = parsed.error.issues.slice(0, MAX_VIOLATIONS).map((issue) => ({
    path: jsonPointer(issue.path),
    // A list of what a caller made up is as long as the caller likes.
    message: issue.message.slice(0, MAX_MESSAGE_LENGTH),
  }));
  const summary = violations.map(({ path, message }) => `${path || 'the body'}: ${message}`).join('; ');
  throw new ThroughlineError('request-invalid', summary, { violations });
}

function checkInputSize({ input }: SubmitJob, limit: number): void {
  if (writeJson(input).length <= limit) return;
  throw new ThroughlineError('payload-too-large', `the input is larger than ${limit} bytes of JSON`, {
    violations: [{ path: '/input', message: `at most ${limit} bytes` }],
  });
}
