/**
 * Stands for what OpenTelemetry has for a meter that does nothing (`@opentelemetry/api` 1.9, `NoopMeter.ts`), and for `util.inspect` of
 * Node (`@opentelemetry/sdk-trace` 2.12, `inspect.ts`). wrangler.toml puts this module in their place: the Worker has no meter, and
 * shows no span.
 */
export const inspectCustom = Symbol();

export const settledResourceAttributes = unused;
export const formatInspect = unused;
export const createNoopMeter = unused;

function unused(): void {}
