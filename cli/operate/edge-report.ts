import { ApiError } from '../../client/errors.ts';
import type { HttpAnswer } from '../../client/exchange.ts';
import { BridgeStatus } from '../../shared/api/answers/health.ts';
import type { JobSummary } from '../../shared/api/answers/job-list.ts';
import type { ListedOperation } from '../../shared/api/answers/operation-list.ts';
import { JOB_LIST_LIMITS } from '../../shared/api/page-limits.ts';
import { describeThrown } from '../../shared/errors.ts';
import { parseJson } from '../../shared/text/json/parse-json.ts';
import type { Scope } from '../host.ts';
import { ask } from '../http/request.ts';
import type { Count } from '../text/counted.ts';
import type { Unasked } from './cause.ts';

const TIMEOUT_MS = 10_000;
/** The header `Date` has no parts of a second. */
const DATE_STEP_MS = 1_000;

/** What the edge says about the system. What it could not be asked is absent. */
export interface EdgeReport {
  readonly url: string;
  /** Whether the edge answered at all. */
  readonly reached: boolean;
  /** Why it did not answer, or what `/readyz` said. */
  readonly problem?: string;
  /** The code of what `/readyz` said. A key without the scope status:read gets no more than that. */
  readonly problemCode?: string;
  readonly ready: boolean;
  readonly version?: string;
  /** By how many milliseconds the clock of this machine is ahead of that of the edge, at least. */
  readonly clockAheadMs?: number;
  readonly bridges?: readonly BridgeStatus[];
  readonly operations?: readonly ListedOperation[];
  /** The newest jobs that wait, as many as one page holds. */
  readonly queued?: readonly JobSummary[];
  readonly deadLetters?: Count;
  /** Whether the API says that the key is not valid. */
  readonly isKeyInvalid: boolean;
  readonly unasked: readonly Unasked[];
}

/** Asks the edge for all that the key may see. @throws what Ctrl-C throws, and nothing else */
export async function edgeReport({ api, config, signal }: Scope): Promise<EdgeReport> {
  const { url } = config;
  const { areBridgesForeign, ...readiness } = await readReadiness({ url, apiKey: config.apiKey, signal });
  signal.throwIfAborted();
  if (!readiness.reached) return { url, ...readiness, isKeyInvalid: false, unasked: [] };
  const unasked: Unasked[] = [];
  const part = async <T>(name: string, asked: Promise<T>): Promise<T | undefined> =>
    await asked.catch((thrown: unknown) => {
      signal.throwIfAborted();
      unasked.push(unaskedFor(name, thrown));
      return undefined;
    });
  const [version, operations, queued, dead] = await Promise.all([
    readVersion(url, signal),
    part('operations', api.operations()),
    part('waiting jobs', api.list({ state: 'queued', limit: JOB_LIST_LIMITS.page })),
    part('dead letters', api.listDeadLetters({ limit: 100 })),
  ]);
  if (readiness.bridges === undefined)
    unasked.unshift({
      part: 'bridges and outbox',
      ...(areBridgesForeign ? FOREIGN : HIDDEN),
      isFault: false,
    });
  return {
    url,
    ...readiness,
    unasked,
    isKeyInvalid: unasked.some(({ code }) => code === 'unauthenticated'),
    ...(version === undefined ? {} : { version }),
    ...(operations === undefined ? {} : { operations }),
    ...(queued === undefined ? {} : { queued: queued.jobs }),
    ...(dead === undefined
      ? {}
      : { deadLetters: { count: dead.deadLetters.length, more: dead.cursor !== undefined } }),
  };
}

/** Why the bridges are not known. */
const HIDDEN = { why: 'the key does not have the scope status:read', code: 'forbidden' } as const;
const FOREIGN = { why: 'this program cannot read what the edge says, which has another version' } as const;

/** Why the edge did not tell something, and whether that is a fault. */
export function unaskedFor(part: string, thrown: unknown): Unasked {
  const why = describeThrown(thrown);
  const isRefused = thrown instanceof ApiError && thrown.status >= 400 && thrown.status < 500;
  return isRefused ? { part, why, code: thrown.code, isFault: false } : { part, why, isFault: true };
}

interface Readiness
  extends Pick<EdgeReport, 'reached' | 'ready' | 'problem' | 'problemCode' | 'bridges' | 'clockAheadMs'> {
  /** Whether the answer tells about bridges, but not as those of this version do. */
  readonly areBridgesForeign?: boolean;
}

interface ReadinessRequest {
  readonly url: string;
  readonly apiKey: string | undefined;
  readonly signal: AbortSignal;
}

async function readReadiness({ url, apiKey, signal }: ReadinessRequest): Promise<Readiness> {
  const askedAt = Date.now();
  try {
    const headers: Record<string, string> = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
    const answer = await ask({
      url: `${url}/readyz`,
      headers,
      timeoutMs: TIMEOUT_MS,
      signal,
      who: 'the API',
    });
    const clockAheadMs = aheadOf(answer.headers.get('date'), askedAt);
    return { ...readinessIn(answer), ...(clockAheadMs === undefined ? {} : { clockAheadMs }) };
  } catch (thrown) {
    return { reached: false, ready: false, problem: describeThrown(thrown) };
  }
}

type ReadinessBody = Partial<Record<'status' | 'detail' | 'code' | 'bridges', unknown>>;

function readinessIn({ status, text, url }: HttpAnswer): Readiness {
  const body = parseJson(text) as ReadinessBody | undefined;
  const bridges = BridgeStatus.array().safeParse(body?.bridges).data;
  const shown = bridges === undefined ? { areBridgesForeign: body?.bridges !== undefined } : { bridges };
  if (status === 200 && body?.status === 'ready') return { reached: true, ready: true, ...shown };
  if (typeof body?.detail === 'string') {
    const code = typeof body.code === 'string' ? { problemCode: body.code } : {};
    return { reached: true, ready: false, problem: body.detail, ...code, ...shown };
  }
  const problem = `${url} answered (HTTP status ${status}) with something that is not of a Throughline API`;
  return { reached: false, ready: false, problem };
}

/** By how many milliseconds this clock is ahead of a header `Date` at least, however long the answer took. */
function aheadOf(date: string | null, askedAt: number): number | undefined {
  const told = Date.parse(date ?? '');
  if (Number.isNaN(told)) return undefined;
  const ahead = askedAt - (told + DATE_STEP_MS);
  const behind = told - Date.now();
  if (ahead > 0) return ahead;
  return behind > 0 ? -behind : 0;
}

async function readVersion(url: string, signal: AbortSignal): Promise<string | undefined> {
  const headers = { accept: 'application/json' };
  const request = { url: `${url}/openapi.json`, headers, timeoutMs: TIMEOUT_MS, signal, who: 'the API' };
  const answer = await ask(request).catch(() => undefined);
  const document = parseJson(answer?.text ?? '') as { info?: { version?: unknown } } | undefined;
  return typeof document?.info?.version === 'string' ? document.info.version : undefined;
}
