import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { runCli } from '../../../cli/program.ts';
import { createApiKey } from '../../../shared/api/access.ts';
import { NO_USAGE } from '../../../shared/api/usage.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import type { Seen } from './options.ts';
import { DONE, JOB, SCHEDULE, TRACE_ID } from './servers.ts';

const API = 'http://api.test';
export const OTHER_API = 'http://other.test';

/**
 * Runs a command in this process, against an API that is a function. Two runs with the same arguments look the same.
 * @param scenario `works`: the API does what it is asked. `fails`: it does not. `misused`: one option too many was typed.
 */
export async function lookAtCaller(args: readonly string[], scenario: string): Promise<Seen> {
  const written = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof written) => ({
    write: (text: string): boolean => {
      written[name] += text;
      return true;
    },
  });
  const api = scenario === 'fails' ? failingApi : workingApi();
  const requests: unknown[] = [];
  const real = { fetch: globalThis.fetch, write: process.stderr.write };
  globalThis.fetch = async (url, init) => {
    const request = readRequest(String(url), init);
    requests.push(request.seen);
    return api(request);
  };
  // Spans are printed there.
  process.stderr.write = stream('stderr').write;
  try {
    const code = await runCli(scenario === 'misused' ? [...args, '--no-such-option'] : args, {
      environment: ENVIRONMENT,
      stdin: Readable.from([scenario === 'fails' ? 'not a key' : KEY]),
      stdout: stream('stdout'),
      stderr: stream('stderr'),
    });
    return { code, stdout: settled(written.stdout), stderr: settled(written.stderr), requests };
  } finally {
    globalThis.fetch = real.fetch;
    process.stderr.write = real.write;
  }
}

/** A folder with the profile `other`. */
const PROFILES = fileURLToPath(new URL('../../fixtures/cli-profiles', import.meta.url));

const ENVIRONMENT = {
  THROUGHLINE_URL: API,
  THROUGHLINE_TRACES_URL: `${API}/traces`,
  THROUGHLINE_LOGS_URL: `${API}/logs/{jobId}`,
  XDG_CONFIG_HOME: PROFILES,
  EDITOR: 'sed -i s/1/2/',
  // The worker refuses it, so that the command ends.
  NATS_URL: 'nonsense',
  CALLBACK_SECRET: `whsec_${'A'.repeat(32)}`,
};

/** A request to the API, and what is to be seen of it. */
interface ApiRequest {
  readonly route: string;
  readonly body: string;
  readonly isWaiting: boolean;
  readonly signal: AbortSignal | undefined;
  readonly seen: unknown;
}

function readRequest(url: string, init: RequestInit | undefined): ApiRequest {
  const { origin, pathname, search } = new URL(url);
  const { method = 'GET', body } = init ?? {};
  const headers = new Headers(init?.headers);
  for (const name of ['traceparent', 'user-agent']) headers.delete(name);
  return {
    route: `${method} ${pathname}`,
    body: String(body ?? ''),
    isWaiting: headers.has('prefer'),
    signal: init?.signal ?? undefined,
    seen: { origin, method, path: pathname + search, body, headers: Object.fromEntries(headers) },
  };
}

const KEY = createApiKey('ci');

/** Hides what is random in an output. */
function settled(text: string): string {
  return text
    .replace(/(tl_ci|whsec)_[A-Za-z0-9_+/=-]+/g, '$1_…')
    .replace(/"hash": ?"[0-9a-f]{64}"/g, '"hash":"…"')
    .replace(/^span .*$/gm, 'span …')
    .replace(/^ +at .*$/gm, 'at …')
    .replace(/trace [0-9a-f]{32}|"traceId": ?"[0-9a-f]{32}"/g, 'trace …');
}

type Api = (request: ApiRequest) => Promise<Response>;

const failingApi: Api = async () =>
  Response.json({ code: 'internal', title: 't', detail: 'it is broken' }, { status: 500 });

/** An API with one job that has ended, and one that runs for a moment. */
function workingApi(): Api {
  let hasEnded = false;
  /** After a few lists, the API breaks: a command that lists again and again ends then. */
  let lists = 0;
  const answers: Readonly<Record<string, (request: ApiRequest) => unknown>> = {
    'GET /v1/jobs': () => ({ jobs: [JOB], complete: true, ...(++lists > 3 ? { jobs: 'broken' } : {}) }),
    'GET /v1/jobs/job-1': () => DONE,
    'GET /v1/jobs/slow-1': () => ({ ...(hasEnded ? DONE : { ...JOB, state: 'running' }), id: 'slow-1' }),
    'POST /v1/jobs/batch': ({ body }) => ({
      results: (JSON.parse(body) as { jobs: unknown[] }).jobs.map(() => ({ status: 202, job: JOB })),
    }),
    'GET /v1/dead-letters': () => ({ deadLetters: [DEAD_LETTER] }),
    'GET /v1/dead-letters/job-1': () => ({ ...DEAD_LETTER, input: 1, headers: { 'ce-id': 'job-1' } }),
    'POST /v1/jobs/cancel': () => ({ cancelled: ['job-1'], stopping: [], failed: [], complete: true }),
    'POST /v1/dead-letters/redrive': () => ({ redriven: ['job-1'], failed: [] }),
    'GET /v1/usage': () => ({ used: NO_USAGE, quotas: NO_USAGE }),
    'GET /readyz': () => ({ status: 'ready' }),
    'GET /openapi.json': () => ({ info: { version: '1.2.3' } }),
    'GET /v1/operations': () => ({ operations: [OPERATION] }),
    'GET /v1/outbox': () => ({ jobs: [OUTBOX_ITEM] }),
    'DELETE /v1/outbox/job-1-r1': () => OUTBOX_ITEM,
    'GET /v1/schedules': () => ({ schedules: [SCHEDULE] }),
    'GET /v1/schedules/nightly': () => SCHEDULE,
    'PUT /v1/schedules/nightly': ({ body }) => ({ ...SCHEDULE, ...(JSON.parse(body) as object) }),
    'DELETE /v1/schedules/nightly': () => undefined,
    'POST /v1/schedules/nightly/pause': () => ({ ...SCHEDULE, paused: true, nextRuns: [] }),
    'POST /v1/schedules/nightly/resume': () => SCHEDULE,
    'GET /logs/job-1': () => ({ data: { result: [{ stream: {}, values: [['1', 'a line']] }] } }),
    [`GET /traces/${TRACE_ID}`]: () => ({ traceId: TRACE_ID, spans: [PROCESS_SPAN] }),
  };
  return async (request) => {
    if (request.route.endsWith('/events')) return eventStream(request.signal, () => (hasEnded = true));
    const answer = answers[request.route] ?? (({ isWaiting }) => (isWaiting ? DONE : JOB));
    const body = answer(request);
    return body === undefined ? new Response(null, { status: 204 }) : Response.json(body);
  };
}

/** How long a job runs while its events are read. */
const RUN_MS = 60;

function eventStream(signal: AbortSignal | undefined, onEnd: () => void): Response {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(eventMessage('1', 'started'));
      const timer = setTimeout(() => {
        onEnd();
        controller.enqueue(eventMessage('2', 'succeeded'));
        controller.close();
      }, RUN_MS);
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        controller.error(signal.reason);
      });
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
}

function eventMessage(id: string, kind: string): Uint8Array {
  const data = { id, kind, jobId: 'slow-1', operation: 'echo', attempt: 1, maxAttempts: 3, released: 0 };
  const more = { acceptedAt: JOB.acceptedAt, at: JOB.acceptedAt, worker: 'w', traceId: '', spanId: '' };
  return new TextEncoder().encode(`id: ${id}\ndata: ${JSON.stringify({ ...data, ...more })}\n\n`);
}

const PROCESS_SPAN: SpanRecord = {
  service: 'throughline-worker',
  name: 'process echo',
  kind: 'CONSUMER',
  traceId: TRACE_ID,
  spanId: '00f067aa0ba902b7',
  startMs: 0,
  durationMs: 1,
  status: 'UNSET',
  events: [],
  links: [],
  attributes: {
    'messaging.operation.type': 'process',
    'throughline.job.id': 'job-1',
    'throughline.job.attempt': 1,
  },
};
/** A dead letter, as the list shows it. */
export const DEAD_LETTER = {
  id: 'job-1',
  operation: 'echo',
  reason: 'operation-failed',
  message: 'no luck',
  attempts: 1,
  diedAt: JOB.acceptedAt,
  traceId: TRACE_ID,
  links: { self: '/s', job: '/j' },
};
const OPERATION = {
  name: 'echo',
  inputSchema: true,
  timeoutMs: 10_000,
  maxAttempts: 5,
  edgeChecks: 'whole',
  hosts: 2,
  since: JOB.acceptedAt,
};
const OUTBOX_ITEM = {
  id: 'job-1-r1',
  jobId: 'job-1',
  state: 'rejected',
  operation: 'echo',
  addedAt: JOB.acceptedAt,
  tries: 1,
};
