/** A Worker with the schedules of tenants, a bridge that notes what it is asked, and a clock for each tenant: see schedules-world.ts. */
import { DurableObject } from 'cloudflare:workers';
import type { SubmitAnswer, SubmitCommand } from '../../../edge/calls/commands.ts';
import { type Reply, refusal } from '../../../edge/calls/reply.ts';
import type { Env } from '../../../edge/config.ts';
import type { Clock } from '../../../edge/schedules/clock.ts';
import { Schedules as SchedulesObject } from '../../../edge/schedules/schedules.ts';
import { type ErrorCode, ThroughlineError } from '../../../shared/errors.ts';
import type { Job, JobState } from '../../../shared/job/job.ts';

/** What the bridge does with the next submissions: takes them, refuses them, or asks for a check by rules. */
export type Script =
  | 'take'
  | { readonly refuse: ErrorCode }
  | { readonly rules: string; readonly schema: Readonly<Record<string, unknown>> };

export type WorldCall =
  | { readonly do: 'call'; readonly method: string; readonly command: object }
  | { readonly do: 'advance'; readonly to: number }
  | { readonly do: 'sleep'; readonly to: number }
  | { readonly do: 'script'; readonly next?: readonly Script[]; readonly always?: Script }
  | { readonly do: 'states'; readonly states: Readonly<Record<string, JobState>>; readonly others: JobState }
  | { readonly do: 'submissions' }
  /** Lets the bridge answer no submission, or go on. */
  | { readonly do: 'hold'; readonly isHeld: boolean }
  /** Makes what was stored of all requests unreadable. */
  | { readonly do: 'damage' }
  /** The call that comes when the bridge has taken the next job, before the object knows. */
  | { readonly do: 'meanwhile'; readonly method: string; readonly command: object };

/** The world of one tenant. */
class World implements Clock {
  time = 0;
  alarm: number | undefined;
  next: Script[] = [];
  always: Script = 'take';
  states: Readonly<Record<string, JobState>> = {};
  others: JobState = 'succeeded';
  isHeld = false;
  meanwhile: { readonly method: string; readonly command: object } | undefined;
  readonly submissions: SubmitCommand[] = [];

  now(): number {
    return this.time;
  }

  /** The alarm of the platform never rings: {@link advance} does it. */
  alarmAt(at: number): number {
    this.alarm = at;
    return Date.now() + 1e9;
  }
}

const worlds = new Map<string, World>();

function worldOf(tenant: string): World {
  const world = worlds.get(tenant) ?? new World();
  worlds.set(tenant, world);
  return world;
}

export class Schedules extends SchedulesObject {
  constructor(state: DurableObjectState, env: Env) {
    super(state, env, worldOf(state.id.name ?? ''));
  }

  ring(): Promise<void> {
    return this.alarm();
  }

  damage(): void {
    this.ctx.storage.sql.exec("UPDATE requests SET request = '{', spec = '{'");
  }

  kill(): void {
    this.ctx.abort('killed by the test');
  }
}

export class Bridge extends DurableObject<Bindings> {
  async submitJob(command: SubmitCommand): Promise<Reply<SubmitAnswer>> {
    const world = worldOf(command.tenant);
    const script = world.next.shift() ?? world.always;
    if (script !== 'take' && 'refuse' in script)
      return refusal(new ThroughlineError(script.refuse, 'the script says so'));
    if (script !== 'take' && command.inputCheck?.digest !== script.rules) {
      world.next.unshift(script);
      return {
        ok: true,
        value: { outcome: 'rules-needed', rules: { digest: script.rules, schema: script.schema } },
      };
    }
    if (command.inputCheck?.outcome === 'refused') return { ok: true, value: { outcome: 'refused' } };
    while (world.isHeld) await scheduler.wait(10);
    const replayed = world.submissions.some(({ jobId }) => jobId === command.jobId);
    world.submissions.push(command);
    const { meanwhile } = world;
    world.meanwhile = undefined;
    if (meanwhile !== undefined)
      await call(this.env, command.tenant, meanwhile.method, meanwhile.command).catch(() => undefined);
    return { ok: true, value: { outcome: 'submitted', job: jobOf(command.jobId, 'queued'), replayed } };
  }

  async read(job: Pick<SubmitCommand, 'tenant' | 'jobId'>): Promise<Reply<Job | undefined>> {
    const { states, others, submissions } = worldOf(job.tenant);
    const isKnown = submissions.some(({ jobId }) => jobId === job.jobId);
    return { ok: true, value: isKnown ? jobOf(job.jobId, states[job.jobId] ?? others) : undefined };
  }
}

export class JobIndex extends DurableObject {}

function jobOf(id: string, state: JobState): Job {
  return {
    id,
    operation: 'echo',
    state,
    attempt: 0,
    maxAttempts: 1,
    durability: 'stream',
    traceId: '',
    acceptedAt: new Date(0).toISOString(),
    links: { self: `/v1/jobs/${id}` },
  };
}

interface Bindings {
  readonly SCHEDULES: DurableObjectNamespace<Schedules>;
}

type Methods = Readonly<Record<string, (command: object) => Promise<Reply<unknown>>>>;

function call(env: Bindings, tenant: string, method: string, command: object): Promise<unknown> {
  const schedules = env.SCHEDULES.getByName(tenant) as unknown as Methods;
  return schedules[method]?.({ carrier: {}, ...command, tenant }) ?? Promise.reject(new Error(method));
}

async function run(tenant: string, what: WorldCall, env: Bindings): Promise<unknown> {
  const world = worldOf(tenant);
  const schedules = env.SCHEDULES.getByName(tenant);
  switch (what.do) {
    case 'call':
      return await call(env, tenant, what.method, what.command);
    case 'advance':
      return await advance(world, env, tenant, what.to);
    case 'sleep':
      await schedules.kill().catch(() => undefined);
      world.time = what.to;
      return await env.SCHEDULES.getByName(tenant).ring();
    case 'script':
      world.next = [...(what.next ?? [])];
      world.always = what.always ?? 'take';
      return;
    case 'states':
      world.states = what.states;
      world.others = what.others;
      return;
    case 'submissions':
      return world.submissions;
    case 'hold':
      world.isHeld = what.isHeld;
      return;
    case 'damage':
      return await schedules.damage();
    case 'meanwhile':
      world.meanwhile = { method: what.method, command: what.command };
      return;
  }
}

/** Lets the time pass. The alarm rings at each time for which it is set. */
async function advance(world: World, env: Bindings, tenant: string, to: number): Promise<void> {
  while (world.alarm !== undefined && world.alarm <= to) {
    world.time = Math.max(world.time, world.alarm);
    world.alarm = undefined;
    // A killed object sets its alarm again when it starts.
    await env.SCHEDULES.getByName(tenant)
      .ring()
      .catch(() => undefined);
    if (world.alarm === undefined) await env.SCHEDULES.getByName(tenant).ring();
  }
  world.time = to;
}

export default {
  async fetch(request, env): Promise<Response> {
    const { tenant, call } = (await request.json()) as { tenant: string; call: WorldCall };
    return Response.json({ value: await run(tenant, call, env) });
  },
} satisfies ExportedHandler<Bindings>;
