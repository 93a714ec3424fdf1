import { randomBytes } from 'node:crypto';
import type { Carrier } from '../../../shared/propagation/index.ts';
import { CANARY_KEY, SYNTHETIC } from '../../../shared/trace/canary.ts';
import { ATTR } from '../../../shared/trace/semantics.ts';
import type { CallerTrace } from '../../trace/caller-trace.ts';
import type { Canary } from './canaries.ts';

/** The trace that a canary's request is in. */
export interface Caller {
  readonly carrier: Carrier;
  readonly traceId: string;
  /** The span that the edge continues. Trace stores have it only if this program exports its spans. */
  readonly spanId: string;
  /** The value that this canary's baggage or `tracestate` has. */
  readonly mark: string;
}

/**
 * Runs `work` in a new trace. If this program exports spans, the request has a span here, which is marked as a test. A canary that
 * sends what no span can have (`tracestate`, or a trace that nobody samples) has none.
 * @param jobsUrl the address of its request
 */
export async function asCaller<T>(
  { name, sends, jobs }: Canary,
  trace: CallerTrace,
  jobsUrl: string,
  work: (caller: Caller) => Promise<T>,
): Promise<T> {
  const mark = randomBytes(8).toString('hex');
  if (!trace.isRecorded || sends === 'tracestate' || sends === 'unsampled') {
    return await work(callerOf(ownCarrier(sends, mark), mark));
  }
  const baggage = sends === 'baggage' ? [{ key: CANARY_KEY, value: mark }] : [];
  const url = jobs === undefined ? jobsUrl : `${jobsUrl}/batch`;
  const attributes = { [ATTR.httpMethod]: 'POST', [ATTR.urlFull]: url, ...SYNTHETIC };
  return await trace.runAsRoot(`verify ${name}`, attributes, baggage, (carrier) =>
    work(callerOf(carrier, mark)),
  );
}

/** The headers of a trace that has no span here. */
function ownCarrier(sends: Canary['sends'], mark: string): Carrier {
  // 2: the trace id is random. 1: the caller records the trace (W3C Trace Context Level 2, section 3.2.2.5).
  const flags = sends === 'unsampled' ? '02' : '03';
  const ids = `${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}`;
  return {
    traceparent: `00-${ids}-${flags}`,
    ...(sends === 'tracestate' ? { tracestate: `${CANARY_KEY}=${mark}` } : {}),
    ...(sends === 'baggage' ? { baggage: `${CANARY_KEY}=${mark}` } : {}),
  };
}

function callerOf(carrier: Carrier, mark: string): Caller {
  const [, traceId = '', spanId = ''] = carrier.traceparent?.split('-') ?? [];
  return { carrier, traceId, spanId, mark };
}
