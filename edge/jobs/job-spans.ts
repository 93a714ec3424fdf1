import { type Context, context, type Span } from '@opentelemetry/api';
import type { JobAddress } from '../../shared/job/job-address.ts';
import { describeError } from '../../shared/trace/describe-error.ts';
import { type MessagingSpan, messagingSpan } from '../../shared/trace/messaging-span.ts';
import { ATTR, SERVICE } from '../../shared/trace/semantics.ts';
import { serverAttributes } from '../../shared/trace/server-address.ts';
import { tracerOf } from '../../shared/trace/tracer.ts';
import { eventSubject } from '../../shared/wire/subjects.ts';
import type { JobEnd } from './result-waiter.ts';

const tracer = tracerOf(SERVICE.bridge);

/** What a `send` span starts with. @param server the server of NATS; undefined while NATS is away */
export function sendSpan(
  { tenant, jobId, operation }: JobAddress,
  message: { readonly subject: string; readonly size: number },
  { bridge, server }: { readonly bridge: string; readonly server: string | undefined },
): MessagingSpan {
  const span = messagingSpan('send', message.subject);
  const attributes = {
    'messaging.message.id': jobId,
    'messaging.message.body.size': message.size,
    'throughline.job.id': jobId,
    'throughline.job.operation': operation,
    'throughline.job.tenant': tenant,
    'throughline.bridge.name': bridge,
    // The spreads are last: V8 makes a call for each field that stands after one.
    ...span.attributes,
    ...serverAttributes(server),
  };
  return { ...span, attributes };
}

/**
 * Runs `work` in the context of a `send` span, and then ends the span. An error is recorded in the span.
 * @param sending the context that the message carries
 * @throws ThroughlineError the error that `work` throws
 */
export function runInSendSpan<T>(span: Span, sending: Context, work: () => Promise<T>): Promise<T> {
  return endSendSpan(span, () => context.with(sending, work));
}

/** As {@link runInSendSpan}, but in the active context: changing it takes longer than making the span. */
export async function endSendSpan<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw describeError(span, thrown, 'broker-unavailable');
  } finally {
    span.end();
  }
}

/**
 * Records that a waiting call got the end of its job. The new span has a link to the span that sent the result.
 * @param since when the call began to wait, in epoch milliseconds
 */
export function recordReceive({ event, sentBy }: JobEnd, tenant: string, since: number): void {
  const { name, kind, attributes } = messagingSpan('receive', eventSubject(tenant, event.jobId));
  const job = { [ATTR.jobId]: event.jobId, [ATTR.jobOutcome]: event.kind };
  const links = sentBy === undefined ? [] : [{ context: sentBy }];
  const span = tracer.startSpan(name, {
    kind,
    links,
    startTime: since,
    attributes: { ...attributes, ...job },
  });
  span.end();
}
