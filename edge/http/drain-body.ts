/** At most this many bytes of a refused request's body are read and discarded, for at most this time. */
const DRAIN_BYTES = 32 * 1024 * 1024;
const DRAIN_MS = 5_000;

/**
 * Answers a refused request immediately. At the same time, reads and discards the rest of the request's body. When a
 * server closes a connection that has unread bytes, TCP resets the connection (RFC 9112, section 9.6). The reset can
 * reach the caller before the answer, and the caller then sees a broken pipe instead of the reason. workerd itself
 * discards only 64 KiB.
 * @param response an answer whose body is complete, not a stream
 */
export function drainingResponse(
  request: Request,
  response: Response,
  ctx: Pick<ExecutionContext, 'waitUntil'>,
): Response | Promise<Response> {
  return response.status < 400 ? response : drainingRefusal(request, response, ctx);
}

async function drainingRefusal(
  request: Request,
  response: Response,
  ctx: Pick<ExecutionContext, 'waitUntil'>,
): Promise<Response> {
  const { body } = request;
  // A locked body was read to its end, or a reader still waits for more of the body.
  if (body === null || body.locked) return response;
  const answer = await response.arrayBuffer();
  // workerd lets us read the request's body only until the answer ends. For this reason the answer stays open until the
  // body has been read.
  const { readable, writable } = new FixedLengthStream(answer.byteLength);
  ctx.waitUntil(writeAndDiscard(new Uint8Array(answer), writable, body).catch(() => undefined));
  return new Response(readable, response);
}

async function writeAndDiscard(
  answer: Uint8Array,
  to: WritableStream<Uint8Array>,
  body: ReadableStream<Uint8Array>,
): Promise<void> {
  const writer = to.getWriter();
  await writer.write(answer);
  try {
    await discard(body);
  } finally {
    await writer.close();
  }
}

async function discard(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  const timer = setTimeout(() => void reader.cancel().catch(() => undefined), DRAIN_MS);
  try {
    for (let left = DRAIN_BYTES; left > 0; ) {
      const { done, value } = await reader.read();
      if (done) return;
      left -= value.byteLength;
    }
  } finally {
    clearTimeout(timer);
  }
}
