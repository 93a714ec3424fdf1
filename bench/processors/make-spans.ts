import { ROOT_CONTEXT, type Tracer, trace } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { messagingSpan } from '../../shared/trace/messaging-span.ts';

/** How many traces end in one turn of the event loop. */
const TRACES = 150;
/** Spans of a trace: one of a job, and one of each of its two messages. */
const SPANS_OF_TRACE = 3;

/** A span processor that sends to a collector. */
export interface Processing {
  readonly tracer: Tracer;
  /** Sends what waits. */
  readonly flush: () => Promise<void>;
  readonly shutdown: () => Promise<void>;
}

/** A tracer whose spans go to a processor. */
export function processingBy(processor: SpanProcessor): Processing {
  const resource = resourceFromAttributes({ 'service.name': 'throughline-bench' });
  const provider = new BasicTracerProvider({ resource, spanProcessors: [processor] });
  return {
    tracer: provider.getTracer('bench'),
    flush: () => processor.forceFlush(),
    shutdown: () => processor.shutdown(),
  };
}

let lastJob = 0;

/** Makes spans like those of jobs, in as many turns of the event loop as their queue needs, and waits until they are sent. */
export async function makeSpans({ tracer, flush }: Processing, spans: number): Promise<void> {
  for (let left = spans; left > 0; ) {
    for (let made = 0; made < TRACES && left > 0; made++) left -= makeTrace(tracer, left);
    await flush();
  }
}

/** Makes the spans of one job. @param most makes no more than these @returns how many it made */
function makeTrace(tracer: Tracer, most: number): number {
  const jobId = `job-${++lastJob}`;
  const subject = `jobs.normal.p0.bench.${jobId}.echo`;
  const describe = (type: 'send' | 'process', of: string) => {
    const { name, ...options } = messagingSpan(type, of);
    return {
      name,
      options: { ...options, attributes: { ...options.attributes, 'throughline.job.id': jobId } },
    };
  };
  const { name, options } = describe('process', subject);
  const root = tracer.startSpan(name, options, ROOT_CONTEXT);
  const count = Math.min(most, SPANS_OF_TRACE);
  for (let n = 1; n < count; n++) {
    const event = describe('send', `events.bench.${jobId}`);
    tracer.startSpan(event.name, event.options, trace.setSpan(ROOT_CONTEXT, root)).end();
  }
  root.setAttribute('throughline.job.outcome', 'succeeded');
  root.end();
  return count;
}
