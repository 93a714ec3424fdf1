/**
 * `node --import …/without-spans.ts`: a worker as it would be without code that makes spans. The functions that describe and make the spans of a
 * job do nothing here. The rest stays: the ids of a trace travel with a job whether it is recorded or not.
 */
import { registerHooks } from 'node:module';

const NO_SPAN = `
  import { INVALID_SPAN_CONTEXT, trace } from '@opentelemetry/api';
  const none = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
  const nothing = () => undefined;
`;

/** What stands in place of a file. */
const FILES: Readonly<Record<string, string>> = {
  'worker-node/jobs/process-span.ts': `${NO_SPAN}
    export const startProcessSpan = (delivery, address, { parent }) => trace.getSpan(parent) ?? none;
    export const settleInSpan = (delivery, address, span, { ack }) => delivery.settle(ack);
    export { nothing as describeContext, nothing as describeAttempt, nothing as describeWait, nothing as describeOutcome };
  `,
  'worker-node/jobs/wait-spans.ts': `${NO_SPAN} export { nothing as recordWaits, nothing as recordTurn };`,
  'shared/trace/messaging-span.ts': `
    const span = { name: '', kind: 0, attributes: {} };
    export const messagingSpan = () => span;
    export const templateOf = () => '';
  `,
  'shared/trace/tracer.ts': `${NO_SPAN}
    export const SCHEMA_URL = '';
    const tracer = { startSpan: () => none, startActiveSpan: (...all) => all.at(-1)(none) };
    export const tracerOf = () => tracer;
  `,
};

registerHooks({
  load(url, context, nextLoad) {
    const source = Object.entries(FILES).find(([file]) => url.endsWith(`/${file}`))?.[1];
    if (source === undefined) return nextLoad(url, context);
    return { format: 'module', source, shortCircuit: true };
  },
});
