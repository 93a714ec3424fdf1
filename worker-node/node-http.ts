import type { ClientRequest, IncomingMessage } from 'node:http';

/**
 * Node's own HTTP. An `import` of `node:http` asks it for all that it exports, its WebSocket too: Node then loads all of undici,
 * which takes a sixteenth of the start of a worker.
 */
export const http = process.getBuiltinModule('node:http');
export const https = process.getBuiltinModule('node:https');

/** Who asks, in the requests to other services (RFC 9110, section 10.1.5). */
export const USER_AGENT = 'throughline';

/**
 * An option of requests. Node reads 16 KiB of an answer's headers, unless its own option `--max-http-header-size` says otherwise.
 * Other clients read more, and some servers send more.
 */
export const MAX_HEADERS = { maxHeaderSize: Math.max(64 * 1024, http.maxHeaderSize) } as const;

/**
 * Sends a request with its body, and waits for the answer.
 * @returns the answer, whose body is to be read or destroyed. Reading it fails if the connection breaks before its end: Node
 *   takes the end of a connection for the end of a body without a length, even if an error is why it ended
 * @throws an error of Node when there is none. Also when the server switches to a protocol that nobody asked for: Node then
 *   closes the connection, and reports neither an answer nor an error
 */
export function answerTo(request: ClientRequest, body?: Buffer | string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let answer: IncomingMessage | undefined;
    request.once('response', (response) => {
      answer = response;
      // Else the connection and the body would stay as long as the server leaves the body unread.
      response.once('close', () => request.writableFinished || request.destroy());
      resolve(response);
    });
    // Not `once`: a connection that is cut may fail twice.
    request.on('error', (error) => {
      reject(error);
      if (answer?.complete === false) answer.destroy(error);
    });
    request.once('close', () => reject(new Error('the connection was closed without an answer')));
    request.end(body);
  });
}
