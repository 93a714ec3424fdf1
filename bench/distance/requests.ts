import { fileURLToPath } from 'node:url';
import { makeTenants, type Tenant } from '../support/tenants.ts';
import { type Call, Caller } from './caller.ts';
import type { DistantRequest } from './distant-request.ts';
import { FULL_LANE, jobRequests, submitRequests } from './job-requests.ts';
import { deadLetterRequests, scheduleRequests, systemRequests } from './other-requests.ts';

/** Tenants that the bridge does not know yet. Each is used once. */
const NEWCOMERS = 300;
const NAMES = ['quiet', 'busy', 'cancelled', 'many', 'redriven'] as const;
type Five = [Caller, Caller, Caller, Caller, Caller];

interface DistantTenants {
  readonly all: readonly Tenant[];
  /** What the stack needs for the requests. */
  readonly stack: {
    readonly operationsFolder: string;
    readonly edge: Readonly<Record<string, string>>;
    readonly worker: Readonly<Record<string, string>>;
  };
}

/** The tenants of the requests, and the stack that knows them. */
export async function distantTenants(): Promise<DistantTenants> {
  const newcomers = Array.from({ length: NEWCOMERS }, (_, n) => `newcomer${n}`);
  const { all, API_KEYS } = await makeTenants([...NAMES, ...newcomers]);
  return {
    all,
    stack: {
      operationsFolder: fileURLToPath(new URL('../operations', import.meta.url)),
      edge: { API_KEYS, FAIR_JOBS: String(FULL_LANE) },
      // While a job runs, all others wait.
      worker: { WORKER_CONCURRENCY: '1' },
    },
  };
}

/**
 * The requests whose times depend on how far NATS is: one or more for each route that may ask NATS. They are prepared one at a time.
 */
export function distantRequests(call: Call, { all }: DistantTenants): DistantRequest[] {
  const callers = all.map((tenant) => new Caller(call, tenant));
  const [quiet, busy, cancelled, many, redriven, ...newcomers] = callers as [...Five, ...Caller[]];
  const newcomer = (): Caller => {
    const next = newcomers.pop();
    if (next === undefined) throw new Error('all tenants are known: run fewer rounds');
    return next;
  };
  const requests = [
    ...submitRequests(quiet, { newcomer, busy }).map((request) => ({ ...request, makesJob: true })),
    ...jobRequests(quiet, cancelled),
    ...deadLetterRequests(redriven, many),
    ...scheduleRequests(quiet),
    ...systemRequests(quiet),
  ];
  return requests.map((request) => alone(request, [quiet, busy, cancelled, many, redriven]));
}

/** The same request, apart from what is not its own: the index has read all events before it, and no job is left after it. */
function alone(request: DistantRequest, callers: readonly Caller[]): DistantRequest {
  const prepare: DistantRequest['prepare'] = async () => {
    const { send, after } = await request.prepare();
    if (request.hasNewEvents !== true) await callers[0]?.get('/v1/usage');
    return {
      send,
      after: async () => {
        await after?.();
        for (const caller of callers) await caller.idle();
      },
    };
  };
  return { ...request, prepare };
}
