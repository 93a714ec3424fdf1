import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { context } from '@opentelemetry/api';
import { ThroughlineError } from '../../../shared/errors.ts';
import { inject, setCarrier } from '../../../shared/propagation/index.ts';
import { guardedLookup, isRoutable } from '../targets/addresses.ts';

const MAX_RESPONSE_BYTES = 256 * 1024;
const checkedLookup = guardedLookup(isRoutable);

export interface HttpRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/**
 * Sends one HTTP request and reads the answer. The connection goes to the address that was checked, so the name cannot
 * lead to another address after the check.
 * @param signal ends the exchange at any point
 * @throws ThroughlineError `target-refused`, or `operation-rejected` when the answer is too large; any error of Node
 *   when the target cannot be reached
 */
export async function sendRequest(url: URL, request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  const body = bodyOf(request);
  const headers: Record<string, string | number> = { ...request.headers };
  if (body !== undefined && typeof request.body !== 'string') headers['content-type'] ??= 'application/json';
  if (body !== undefined) headers['content-length'] = body.length;
  setCarrier(inject(context.active()), (name, value) => {
    headers[name] = value;
  });
  const transport = url.protocol === 'https:' ? https : http;
  const sent = transport.request(url, { method: request.method, headers, signal, lookup: checkedLookup });
  const response = await responseOf(sent, body);
  return { status: response.statusCode ?? 0, headers: flatten(response), body: await read(response) };
}

function bodyOf({ body }: HttpRequest): Buffer | undefined {
  if (body === undefined || body === null) return undefined;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

function responseOf(sent: ClientRequest, body: Buffer | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    sent.once('response', resolve);
    sent.once('error', reject);
    sent.end(body);
  });
}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    if (size > MAX_RESPONSE_BYTES) {
      response.destroy();
      throw new ThroughlineError(
        'operation-rejected',
        `the answer is larger than ${MAX_RESPONSE_BYTES} bytes`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function flatten(response: IncomingMessage): Record<string, string> {
  const entries = Object.entries(response.headersDistinct).map(([name, values]) => [
    name,
    (values ?? []).join(', '),
  ]);
  return Object.fromEntries(entries);
}
