import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A callback as it arrived. */
export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Answer = (response: ServerResponse, nth: number) => void;

/** A receiver of callbacks: a real server that remembers what arrived at each path. */
export interface CallbackReceiver {
  readonly origin: string;
  /** The callbacks that arrived at a path, with any query. */
  readonly at: (path: string) => readonly Received[];
  /** Sets how a path answers; without it the answer is 204. */
  readonly answer: (path: string, answer: Answer) => void;
  /** How many connections were opened so far. */
  readonly connections: () => number;
  readonly stop: () => Promise<void>;
}

export const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (response) =>
    void response.writeHead(code, headers).end();

/** Gives the answers in turn, and repeats the last one. */
export const inTurn =
  (...answers: readonly Answer[]): Answer =>
  (response, nth) =>
    answers[Math.min(nth, answers.length) - 1]?.(response, nth);

export async function startCallbackReceiver(): Promise<CallbackReceiver> {
  const received = new Map<string, Received[]>();
  const answers = new Map<string, Answer>();
  let connections = 0;
  const at = (path: string): Received[] => {
    const known = received.get(path) ?? [];
    received.set(path, known);
    return known;
  };
  const server = createServer(async (request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    const body = await text(request).catch(() => undefined);
    // Undefined: the request broke off.
    if (body === undefined) return;
    const nth = at(path).push({ headers: request.headers, body });
    (answers.get(path) ?? status(204))(response, nth);
  });
  server.on('connection', () => {
    connections++;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    at,
    answer: (path, answer) => void answers.set(path, answer),
    connections: () => connections,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/**
 * Checks a signature by the Standard Webhooks specification, with WebCrypto.
 * @returns for each signature, whether it is good
 */
export async function verified({ headers, body }: Received, secret: string): Promise<boolean[]> {
  const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const usage = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', bytes, usage, false, ['verify']);
  const content = Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`);
  const signatures = String(headers['webhook-signature']).split(' ');
  return await Promise.all(
    signatures.map(async (signature) => {
      const [version, value = ''] = signature.split(',');
      return (
        version === 'v1' && (await crypto.subtle.verify('HMAC', key, Buffer.from(value, 'base64'), content))
      );
    }),
  );
}
