import { createApiKey, hashApiKey } from '../../../shared/api/access.ts';

/** Keys of tenant acme, and one of tenant globex. */
export const KEYS = {
  writer: createApiKey('writer'),
  reader: createApiKey('reader'),
  other: createApiKey('other'),
};

/** Some endpoints. endpoints.test.ts tries keys at every endpoint; tokens take the same code after the middleware. */
export const ENDPOINTS = [
  { method: 'POST', path: '/v1/jobs', scope: 'jobs:write', ok: 202 },
  { method: 'POST', path: '/v1/jobs/batch', scope: 'jobs:write', ok: 207 },
  { method: 'GET', path: '/v1/jobs/{id}', scope: 'jobs:read', ok: 200 },
  { method: 'GET', path: '/v1/operations', scope: 'jobs:read', ok: 200 },
] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

const JOB = '{"operation":"echo","input":1}';
export const SUBMIT = ENDPOINTS[0];
export const READ = ENDPOINTS[2];
export const LIST = ENDPOINTS[3];

/** The edge's setting that accepts the keys. */
export const entriesOf = async (): Promise<string> =>
  JSON.stringify([
    { id: 'writer', tenant: 'acme', hash: await hashApiKey(KEYS.writer), scopes: ['jobs:write'] },
    { id: 'reader', tenant: 'acme', hash: await hashApiKey(KEYS.reader), scopes: ['jobs:read'] },
    { id: 'other', tenant: 'globex', hash: await hashApiKey(KEYS.other) },
  ]);

/** Sends a good request for an endpoint to the edge at `url`. */
export async function sendTo(
  url: string,
  { method, path }: { readonly method: string; readonly path: string },
  credentials: string | undefined,
  headers: Record<string, string> = {},
): Promise<Response> {
  return await fetch(`${url}${path}`, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(credentials === undefined ? {} : { authorization: `Bearer ${credentials}` }),
      ...headers,
    },
    ...(method === 'POST' ? { body: path.endsWith('batch') ? `{"jobs":[${JOB}]}` : JOB } : {}),
  });
}

/** Everything that a caller sees of an answer, without its trace id, and without the id or the name that the caller sent. */
export async function answerOf(response: Response): Promise<Record<string, unknown>> {
  const { traceId: _, ...problem } = JSON.parse(withoutName(await response.text()));
  const headers = [...response.headers.keys()].filter((name) => name !== 'traceresponse').sort();
  return {
    status: response.status,
    problem,
    headers,
    authenticate: response.headers.get('www-authenticate'),
  };
}

/** A problem about something unknown, or its JSON, without the id or the name that the caller sent. */
export function withoutName(text: string): string {
  return text.replace(/ (id|name) \\?".*?\\?"; /s, ' $1 ?; ');
}
