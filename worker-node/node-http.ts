import type { ClientRequest, IncomingMessage } from 'node:http';

/**
 * Node's own HTTP. An `import` of `node:http` asks it for all that it exports, its WebSocket too: Node then loads all of undici,
 * which takes a sixteenth of the start of a worker.
 */
export const http = process.getBuiltinModule('node:http');
export const https = process.getBuiltinModule('node:https');

/**
 * Sends a request with its body, and waits for the answer.
 * @returns the answer, whose body is to be read or destroyed
 * @throws an error of Node when there is none. Also when the server switches to a protocol that nobody asked for: Node then
 *   closes the connection, and reports neither an answer nor an error
 */
export function answerTo(request: ClientRequest, body?: Buffer | string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    // Not `once`: a connection that is cut may fail twice.
    request.on('error', reject);
    request.once('close', () => reject(new Error('the connection was closed without an answer')));
    request.end(body);
  });
}
