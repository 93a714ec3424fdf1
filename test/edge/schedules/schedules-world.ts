import path from 'node:path';
import { build } from 'esbuild';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import type { SubmitCommand } from '../../../edge/calls/commands.ts';
import { type Reply, unwrapReply } from '../../../edge/calls/reply.ts';
import type { PutSchedule } from '../../../edge/calls/schedule-commands.ts';
import type { Schedule } from '../../../shared/api/answers/schedule.ts';
import type { ScheduleRequest } from '../../../shared/api/schedule.ts';
import type { JobState } from '../../../shared/job/job.ts';
import type { Script, WorldCall } from './schedules-entry.ts';

/** The schedules in workerd, with its own SQLite. */
export interface ScheduleWorlds {
  /** A tenant of its own, whose clock shows `from` (epoch milliseconds). */
  readonly open: (from: number) => Promise<ScheduleWorld>;
  /** The log lines so far. */
  readonly lines: readonly string[];
  readonly stop: () => Promise<void>;
}

/** The schedules of one tenant: their clock is moved by hand, and the bridge notes what it is asked. */
export interface ScheduleWorld {
  readonly put: (name: string, request: Partial<ScheduleRequest>) => Promise<PutSchedule>;
  readonly read: (name: string) => Promise<Schedule | undefined>;
  /** Calls another method. @throws ThroughlineError the error in the reply */
  readonly call: <T>(method: string, command: object) => Promise<T>;
  /** Lets the time pass to `to` (epoch milliseconds). */
  readonly advance: (to: number) => Promise<void>;
  /** Lets the time pass without the edge, and starts it again. */
  readonly sleep: (to: number) => Promise<void>;
  readonly script: (always: Script, next?: readonly Script[]) => Promise<void>;
  /** The state of each job, and of all others. */
  readonly states: (others: JobState, states?: Readonly<Record<string, JobState>>) => Promise<void>;
  /** What the bridge took, in order. */
  readonly submissions: () => Promise<SubmitCommand[]>;
  /** Lets the bridge answer no submission, or go on. */
  readonly hold: (isHeld: boolean) => Promise<void>;
  /** Makes what was stored of all requests unreadable. */
  readonly damage: () => Promise<void>;
  /** A call that comes when the bridge has taken the next job, before the object knows. `kill` ends the object. */
  readonly meanwhile: (method: string, command?: object) => Promise<void>;
}

/** @param settings of the edge */
export async function startScheduleWorlds(
  settings: Readonly<Record<string, string>> = {},
): Promise<ScheduleWorlds> {
  const { outputFiles } = await build({
    entryPoints: [path.join(import.meta.dirname, 'schedules-entry.ts')],
    bundle: true,
    format: 'esm',
    target: 'es2024',
    // As in wrangler.toml: the package is CommonJS, which asks for modules of Node while it runs.
    alias: { '@opentelemetry/context-async-hooks': './dev/edge/stand-ins/context-async-hooks.ts' },
    external: ['node:*', 'cloudflare:*', 'events', 'async_hooks'],
    write: false,
  });
  const lines: string[] = [];
  const workerd = new Miniflare(
    convertV4MiniflareOptions({
      name: 'schedules',
      modules: [{ type: 'ESModule', path: 'main.js', contents: outputFiles[0]?.text ?? '' }],
      handleStructuredLogs: ({ message }: { message: string }) => lines.push(message),
      compatibilityDate: '2026-10-20',
      compatibilityFlags: ['nodejs_compat'],
      bindings: { NATS_URL: 'ws://127.0.0.1:1', API_KEYS: '[]', LOG_LEVEL: 'error', ...settings },
      durableObjects: {
        BRIDGE: { className: 'Bridge', useSQLite: true },
        JOB_INDEX: { className: 'JobIndex', useSQLite: true },
        SCHEDULES: { className: 'Schedules', useSQLite: true },
      },
    }),
  );
  await workerd.ready;
  let tenants = 0;
  return {
    lines,
    open: (from) => openWorld(workerd, `tenant-${++tenants}`, from),
    stop: () => workerd.dispose(),
  };
}

async function openWorld(workerd: Miniflare, tenant: string, from: number): Promise<ScheduleWorld> {
  const ask = async (call: WorldCall): Promise<unknown> => {
    const body = JSON.stringify({ tenant, call });
    const response = await workerd.dispatchFetch('http://world', { method: 'POST', body });
    if (response.status !== 200) throw new Error(await response.text());
    return ((await response.json()) as { value?: unknown }).value;
  };
  const call = async <T>(method: string, command: object): Promise<T> =>
    unwrapReply((await ask({ do: 'call', method, command })) as Reply<T>);
  const note = async (what: WorldCall): Promise<void> => void (await ask(what));
  const advance = (to: number) => note({ do: 'advance', to });
  await advance(from);
  return {
    put: async (name, { paused, ...more }) => {
      const request = { operation: 'echo', input: 1, ...more };
      return await call('put', { name, request, paused, spec: {}, digest: JSON.stringify(request) });
    },
    read: (name) => call('read', { name }),
    call,
    advance,
    sleep: (to) => note({ do: 'sleep', to }),
    script: (always, next = []) => note({ do: 'script', always, next }),
    states: (others, states = {}) => note({ do: 'states', others, states }),
    submissions: async () => (await ask({ do: 'submissions' })) as SubmitCommand[],
    hold: (isHeld) => note({ do: 'hold', isHeld }),
    damage: () => note({ do: 'damage' }),
    meanwhile: (method, command = {}) => note({ do: 'meanwhile', method, command }),
  };
}
