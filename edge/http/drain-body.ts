/** What is thrown away of a refused body at most, and for how long. */
const DRAIN_BYTES = 32 * 1024 * 1024;
const DRAIN_MS = 5_000;

/**
 * Answers a refused request at once, and takes what still comes of its body meanwhile, bounded in bytes and time. A
 * server that closes a connection on which bytes wait resets it (RFC 9112, section 9.6), and the reset may reach the
 * caller before the answer does: it then sees a broken pipe, and not why. workerd itself takes 64 KiB.
 * @param response an answer whose body is at hand, not one that streams
 */
export async function drainingResponse(
  request: Request,
  response: Response,
  ctx: Pick<ExecutionContext, 'waitUntil'>,
): Promise<Response> {
  const { body } = request;
  // A locked body has been read whole, or is too slow for its reader already.
  if (response.status < 400 || body === null || body.locked) return response;
  const answer = await response.arrayBuffer();
  // The runtime lets a request's body be read only until the answer ends.
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
