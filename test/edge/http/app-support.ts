import { expect } from 'vitest';
import { OpenBodies } from '../../../edge/access/open-bodies.ts';
import { RequestLimits } from '../../../edge/access/request-limits.ts';
import type {
  CancelCommand,
  Cancellation,
  CancelOutcome,
  SubmitCommand,
} from '../../../edge/calls/commands.ts';
import type { ListCommand } from '../../../edge/calls/index-commands.ts';
import { PlaceSeal } from '../../../edge/calls/place-seal.ts';
import { edgeConfig } from '../../../edge/config.ts';
import { createApp } from '../../../edge/http/app.ts';
import type { AppBindings } from '../../../edge/http/edge-app.ts';
import { InputRulesCache } from '../../../edge/http/input-rules-cache.ts';
import { readRequestContext } from '../../../edge/http/request-context.ts';

import type { Logger } from '../../../edge/telemetry/log.ts';
import { createApiKey, hashApiKey } from '../../../shared/api/access.ts';
import type { Job } from '../../../shared/job/job.ts';
import { checked } from '../../support/http/contract.ts';
import { edgeEnv } from '../support/edge-env.ts';

export const KEY = createApiKey('ci');
const OTHER_KEY = createApiKey('other');
const PROBLEM_FIELDS = [
  'bridges',
  'code',
  'detail',
  'quota',
  'state',
  'status',
  'suggestions',
  'title',
  'traceId',
  'type',
  'violations',
];

export const job = (more: Partial<Job> = {}): Job => ({
  id: 'job-1',
  operation: 'echo',
  state: 'queued',
  attempt: 0,
  maxAttempts: 5,
  durability: 'stream',
  acceptedAt: '2026-01-01T00:00:00.000Z',
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  links: { self: `/v1/jobs/${more.id ?? 'job-1'}` },
  ...more,
});

type Submitted = Omit<SubmitCommand, 'carrier'>;

/** What the bridge is to answer; the bridge itself is tested with a real broker elsewhere. */
export interface Answers {
  submit?: (command: Submitted) => Job | Promise<Job>;
  read?: (tenant: string, jobId: string) => Job | undefined;
  cancel?: (command: Omit<CancelCommand, 'carrier'>) => Cancellation | undefined;
  cancelMany?: (tenant: string, ids: readonly string[]) => CancelOutcome[];
  /** The ids of the page that the index gives. */
  listed?: readonly string[];
  /** Takes jobs out of the list. */
  forget?: (tenant: string, ids: readonly string[]) => void;
  status?: () => unknown;
}

/** The real app, with a bridge that records what it is asked. */
export async function setup(answers: Answers = {}, settings: Record<string, unknown> = {}) {
  const keys = [
    { id: 'ci', tenant: 'acme', hash: await hashApiKey(KEY) },
    { id: 'other', tenant: 'globex', hash: await hashApiKey(OTHER_KEY) },
  ];
  const config = edgeConfig(edgeEnv({ API_KEYS: JSON.stringify(keys), ...settings }));
  const submitted: Submitted[] = [];
  const reads: (readonly [tenant: string, jobId: string])[] = [];
  const logged: { level: string; message: string; fields: unknown }[] = [];
  const at = (level: string) => (message: string, fields?: unknown) =>
    void logged.push({ level, message, fields });
  const log: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const bridge = {
    submit: async (command: Submitted) => {
      submitted.push(command);
      const accepted = await (answers.submit?.(command) ?? job({ id: command.jobId }));
      if (accepted.state === 'queued' && accepted.id === command.jobId)
        return { outcome: 'accepted', json: JSON.stringify(accepted) };
      return { outcome: 'submitted', job: accepted, replayed: false };
    },
    submitBatch: async (commands: readonly Submitted[]) => {
      submitted.push(...commands);
      return commands.map(({ jobId }) => ({
        ok: true,
        value: { outcome: 'submitted', job: job({ id: jobId }), replayed: false },
      }));
    },
    read: async (tenant: string, jobId: string) => {
      reads.push([tenant, jobId]);
      return answers.read?.(tenant, jobId);
    },
    cancel: async (command: Omit<CancelCommand, 'carrier'>) => answers.cancel?.(command),
    operations: async () => [],
    status: async () =>
      answers.status?.() ?? [
        {
          bridge: 'bridge-global-0',
          state: 'open',
          connections: 1,
          roundTripMs: 1,
          watchedJobs: 0,
          workerHosts: 2,
          unservedJobs: 3,
          problems: [],
          warnings: [],
          quotaUse: {
            jobs: 0.5,
            bytes: 0,
            delayedJobs: 0,
            delayedBytes: 0,
            storedBytes: 0,
            outboxJobs: 0,
            outboxBytes: 0,
            waits: 0,
            streams: 0,
          },
          quotaRefusals: { jobs: 7 },
          uncheckedInputs: { overBudget: 0, failed: 0, rulesChanged: 0 },
          outbox: { pending: 0, rejected: 0, published: 0, bytes: 0, oldestAgeSeconds: 0 },
        },
      ],
    cancelMany: async (tenant: string, ids: readonly string[]) => answers.cancelMany?.(tenant, ids) ?? [],
    outbox: async () => [],
    retryRejected: async () => undefined,
    removeRejected: async () => undefined,
    tenantUsage: async () => [
      { outboxJobs: 1, outboxBytes: 10, waits: 0, streams: 3, share: 700 },
      { outboxJobs: 0, outboxBytes: 20, waits: 2, streams: 1, share: 600 },
    ],
  };
  const listed: Omit<ListCommand, 'carrier'>[] = [];
  const index = {
    list: async (command: Omit<ListCommand, 'carrier'>) => {
      listed.push(command);
      const jobs = (answers.listed ?? []).map((id) => job({ id }));
      return { jobs, complete: true, ...(jobs.length > 0 && { cursor: 'next' }) };
    },
    forget: async (tenant: string, ids: readonly string[]) => answers.forget?.(tenant, ids),
    usage: async () => ({ jobs: 1, bytes: 2, delayedJobs: 3, delayedBytes: 4, storedBytes: 6 }),
  };
  const app = createApp();
  const inputRules = new InputRulesCache();
  const requestLimits = new RequestLimits(config);
  const openBodies = new OpenBodies();

  /** Sends a request as `acme`, unless it has an `authorization` of its own; checks what holds for every answer. */
  async function send(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (!headers.has('authorization')) headers.set('authorization', `Bearer ${KEY}`);
    const request = new Request(`https://edge.example${path}`, { ...init, headers });
    const requestContext = await readRequestContext(request, config, { waitUntil: () => undefined });
    const seal = new PlaceSeal(config);
    const scope = {
      config,
      log,
      audit: at('audit'),
      bridge,
      index,
      schedules: { count: async () => 5 },
      seal,
      inputRules,
      requestContext,
      requestLimits,
      openBodies,
    } as unknown as AppBindings;
    const response = await app.fetch(request, scope);
    await expectNoInsides(response.clone());
    return await checked(init.method ?? 'GET', path, response);
  }

  const post = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    send('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });

  return { send, post, submitted, reads, listed, logged };
}

/** No answer shows a stack, and every error is a problem document with the status it is sent with. */
async function expectNoInsides(response: Response): Promise<void> {
  const text = await response.text();
  expect(text).not.toMatch(/\n\s+at |\.ts:\d|node_modules|node:internal/);
  if (response.status < 400 || text === '') return;
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.headers.get('cache-control')).toBe('no-store');
  const problem: Record<string, unknown> = JSON.parse(text);
  expect(problem).toMatchObject({
    status: response.status,
    type: `urn:throughline:problem:${String(problem.code)}`,
    title: expect.any(String),
    detail: expect.any(String),
  });
  for (const field of Object.keys(problem)) expect(PROBLEM_FIELDS).toContain(field);
}

/** The problem document of an answer. */
export async function problemIn(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>;
}

/** An Authorization header of another tenant. */
export const AS_GLOBEX = { authorization: `Bearer ${OTHER_KEY}` };
