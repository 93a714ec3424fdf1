import { type Attributes, context, SpanKind, trace } from '@opentelemetry/api';
import { withDeadline } from '../../shared/deadline.ts';
import type { ThroughlineError } from '../../shared/errors.ts';
import { type Carrier, inject } from '../../shared/propagation/index.ts';
import { describeError } from '../../shared/trace/describe-error.ts';
import { SERVICE } from '../../shared/trace/semantics.ts';
import { tracerOf } from '../../shared/trace/tracer.ts';
import { type Reply, unwrapReply } from './reply.ts';

/** One call from the edge to a Durable Object. */
interface ObjectCall<T> {
  /** The kind of the Durable Object in one word, such as `bridge`. */
  readonly kind: string;
  readonly method: string;
  readonly attributes: Attributes;
  readonly limitMs: number;
  readonly ask: (carrier: Carrier) => Promise<Reply<T>>;
  /** Makes the error for a Durable Object that does not answer, or that the platform has moved, reset or overloaded. */
  readonly unavailable: (reason: string, cause?: unknown) => ThroughlineError;
}

/** How the runtime says that an object has no such method. */
const NO_METHOD = 'does not implement the method';

/** How SQLite says that the storage of an object is full. The runtime then resets the object. */
const STORAGE_FULL = 'SQLITE_FULL';

const tracer = tracerOf(SERVICE.edge);

/**
 * Calls a Durable Object. The call has a CLIENT span, whose carrier goes to the Durable Object, and a time limit.
 * @throws ThroughlineError the error in the reply, or the error that `unavailable` makes
 */
export async function callObject<T>(call: ObjectCall<T>): Promise<T> {
  const { kind, method, limitMs, ask, unavailable } = call;
  const name = `${kind}/${method}`;
  const attributes = { 'rpc.system.name': 'cloudflare', 'rpc.method': name, ...call.attributes };
  // Only the carrier needs the span. Making it the active one would take longer than starting it.
  const base = context.active();
  const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, base);
  try {
    const late = (): ThroughlineError => unavailable(`the call to the ${kind} took too long`);
    const failed = (thrown: unknown): ThroughlineError => {
      const isFull = String(thrown).includes(STORAGE_FULL);
      return unavailable(
        isFull ? `the ${kind} has no room in its storage` : `the call to the ${kind} failed`,
        thrown,
      );
    };
    const asked = ask(inject(trace.setSpan(base, span)));
    return unwrapReply(await withDeadline(asked, limitMs, late, failed));
  } catch (thrown) {
    throw describeError(span, thrown);
  } finally {
    span.end();
  }
}

/**
 * Calls a method that a Durable Object of an earlier version may lack, and falls back to one that it has. A new edge meets such
 * objects while a version is deployed, and as long as two versions share the requests.
 * @param asked the call of the new method. If the object lacks it, nothing was done
 * @param again makes the call of the earlier method
 * @throws what the calls throw
 */
export function orAsEarlier<T>(asked: Promise<T>, again: () => Promise<T>): Promise<T> {
  return asked.catch((thrown: unknown) => {
    if (thrown instanceof TypeError && thrown.message.includes(NO_METHOD)) return again();
    throw thrown;
  });
}
