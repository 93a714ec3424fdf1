import type { Context } from 'hono';
import type { Schedule, SchedulePage } from '../../../shared/api/answers/schedule.ts';
import { ScheduleBody, type ScheduleRequest } from '../../../shared/api/schedule.ts';
import { SCHEDULE_NAME, SCHEDULE_NAME_RULE } from '../../../shared/api/schedule-words.ts';
import { specOf } from '../../../shared/api/submit-job.ts';
import { notYours, ThroughlineError } from '../../../shared/errors.ts';
import type { JobSpec } from '../../../shared/job/job-spec.ts';
import { isTerminal } from '../../../shared/job/job-state.ts';
import { zoneName } from '../../../shared/text/zone-name.ts';
import type { InputCheck } from '../../calls/commands.ts';
import { unwrapReply } from '../../calls/reply.ts';
import { EdgeApp, type EdgeHono } from '../edge-app.ts';
import {
  authenticate,
  requireOwnOperation,
  requireScope,
  requireWrite,
  requireWriteOf,
} from '../middleware/access.ts';
import { jsonBody } from '../middleware/json-body.ts';
import { noBody } from '../middleware/no-body.ts';
import { type AuditedAction, audited } from '../requests/audited.ts';
import { lostJob, submitChecked } from '../requests/checked-submission.ts';
import { fingerprintOf, jobIdFor, readIdempotencyKey } from '../requests/idempotency.ts';
import { SchedulesQuery } from '../requests/list-requests.ts';
import {
  claimedQuotas,
  namePlace,
  noQuery,
  parseRequest,
  readQuery,
  tenantOf,
} from '../requests/read-request.ts';
import { shownJob, shownSchedule } from '../requests/shown-job.ts';
import { inputJsonOf, type PreparedJob } from '../requests/submission.ts';

/** `/v1/schedules`: make, list, show, delete, pause, resume, trigger. */
export function scheduleRoutes(): EdgeApp {
  const app = new EdgeApp();
  app.use(authenticate());
  app.get('/', requireScope('schedules:read'), listSchedules);
  app.get('/:name', requireScope('schedules:read'), noQuery(), readSchedule);
  app.put('/:name', requireScope('schedules:write'), noQuery(), jsonBody(), putSchedule);
  app.delete('/:name', requireScope('schedules:write'), noQuery(), noBody(), deleteSchedule);
  app.post('/:name/pause', requireScope('schedules:write'), noQuery(), noBody(), (c) =>
    pauseSchedule(c, true),
  );
  app.post('/:name/resume', requireScope('schedules:write'), noQuery(), noBody(), (c) =>
    pauseSchedule(c, false),
  );
  app.post('/:name/trigger', requireScope('schedules:write'), noQuery(), noBody(), triggerSchedule);
  return app;
}

async function listSchedules(c: Context<EdgeHono>): Promise<Response> {
  const { limit, cursor } = readQuery(c, SchedulesQuery);
  const after = namePlace(cursor);
  return c.json<SchedulePage>(await c.env.schedules.list({ tenant: tenantOf(c), limit, after }));
}

async function readSchedule(c: Context<EdgeHono>): Promise<Response> {
  const address = scheduleIn(c);
  return c.json<Schedule>(existing(address.name, await c.env.schedules.read(address)));
}

/** Makes or changes a schedule. Its job is checked like one that is submitted. */
async function putSchedule(c: Context<EdgeHono>): Promise<Response> {
  const address = scheduleIn(c, invalidName);
  const body = parseRequest(ScheduleBody, c.var.body);
  const inputJson = inputJsonOf(body, c.env.config.MAX_INPUT_BYTES);
  const { paused, ...request } = withZoneName(c.var.body as ScheduleRequest);
  const spec = specOf(body, Date.now());
  const { schedule, created } = await auditedOn(c, 'schedule-put', address, async () => {
    requireWrite(c, body.operation);
    const inputCheck = await tryOut(c, { ...request, inputJson }, spec);
    const digest = await fingerprintOf(request);
    const quotas = claimedQuotas(c);
    return await c.env.schedules.put({ ...address, quotas, request, paused, spec, digest, inputCheck });
  });
  c.header('location', schedule.links.self);
  return c.json<Schedule>(shownSchedule(c, schedule), created ? 201 : 200);
}

/** The request with the usual spelling of its time zone, so that no spelling counts as a change. */
function withZoneName(request: ScheduleRequest): ScheduleRequest {
  const { timeZone } = request;
  return timeZone === undefined ? request : { ...request, timeZone: zoneName(timeZone) ?? timeZone };
}

/**
 * Checks the job of a schedule with the bridge.
 * @returns what was found in its input
 * @throws ThroughlineError `operation-unknown`, `input-invalid`, `request-invalid`, `broker-unavailable`
 */
async function tryOut(
  c: Context<EdgeHono>,
  { operation, input, inputJson }: ScheduleRequest & Pick<PreparedJob, 'inputJson'>,
  spec: JobSpec,
): Promise<InputCheck | undefined> {
  const tenant = tenantOf(c);
  const job = {
    tenant,
    jobId: await jobIdFor(tenant, undefined),
    operation,
    input,
    inputJson,
    spec,
    waitMs: 0,
  };
  const command = { ...job, acceptedAt: new Date().toISOString() };
  const [reply] = await submitChecked([command], c.env, (jobs) =>
    Promise.all(jobs.map(async (one) => ({ ok: true, value: await c.env.bridge.tryOut(one) }) as const)),
  );
  if (reply === undefined) throw lostJob();
  return unwrapReply(reply).inputCheck;
}

async function deleteSchedule(c: Context<EdgeHono>): Promise<Response> {
  const address = scheduleIn(c);
  await auditedOn(c, 'schedule-delete', address, async () => {
    if (!(await c.env.schedules.remove(address))) throw unknownSchedule(address.name);
  });
  return c.body(null, 204);
}

async function pauseSchedule(c: Context<EdgeHono>, paused: boolean): Promise<Response> {
  const address = scheduleIn(c);
  const action = paused ? 'schedule-pause' : 'schedule-resume';
  const schedule = await auditedOn(c, action, address, async () =>
    existing(address.name, await c.env.schedules.pause({ ...address, paused })),
  );
  return c.json<Schedule>(shownSchedule(c, schedule));
}

/** Submits the job of a schedule now. Without an idempotency key, each request makes a job. */
async function triggerSchedule(c: Context<EdgeHono>): Promise<Response> {
  const address = scheduleIn(c);
  const own = readIdempotencyKey(c.req.header('idempotency-key'));
  const trigger = { key: own ?? crypto.randomUUID(), isNewKey: own === undefined };
  const { job, replayed } = await auditedOn(
    c,
    'schedule-trigger',
    address,
    async () =>
      existing(
        address.name,
        await c.env.schedules.trigger({ ...address, ...trigger, quotas: claimedQuotas(c) }),
      ),
    (result) => ({ job_id: result.job.id }),
  );
  if (replayed) c.header('idempotency-replayed', 'true');
  c.header('location', job.links.self);
  return c.json(shownJob(c, job), isTerminal(job.state) ? 200 : 202);
}

interface ScheduleAddress {
  readonly tenant: string;
  readonly name: string;
}

/** The schedule in the path. @throws ThroughlineError that `unknown` makes if none can have this name */
function scheduleIn(
  c: Context<EdgeHono>,
  unknown: (name: string) => ThroughlineError = unknownSchedule,
): ScheduleAddress {
  const name = c.req.param('name') ?? '';
  if (!SCHEDULE_NAME.test(name)) throw unknown(name);
  return { tenant: tenantOf(c), name };
}

/**
 * Changes or triggers a schedule, and writes an audit line.
 * @throws ThroughlineError `forbidden` if the caller may not submit jobs of the schedule's operation. Every caller needs that
 *   right for a trigger. For a change, only callers who are limited to some operations need it
 */
function auditedOn<T>(
  c: Context<EdgeHono>,
  action: AuditedAction,
  address: ScheduleAddress,
  work: () => Promise<T>,
  describe?: (done: T) => Readonly<Record<string, unknown>>,
): Promise<T> {
  const guarded = async (): Promise<T> => {
    const require = action === 'schedule-trigger' ? requireWriteOf : requireOwnOperation;
    await require(c, async () => (await c.env.schedules.read(address))?.operation);
    return await work();
  };
  return audited(c, action, { schedule: address.name }, guarded, describe);
}

function existing<T>(name: string, found: T | undefined): T {
  if (found === undefined) throw unknownSchedule(name);
  return found;
}

function unknownSchedule(name: string): ThroughlineError {
  return notYours('schedule-unknown', 'schedule', 'name', name, 'GET /v1/schedules lists your schedules');
}

function invalidName(): ThroughlineError {
  return new ThroughlineError('request-invalid', `the name of a schedule ${SCHEDULE_NAME_RULE}`);
}
