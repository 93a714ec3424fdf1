/** What the command `verify` and the operation that its canary jobs run agree on. */

/** The operation that canary jobs run. */
export const CANARY_OPERATION = 'throughline.canary';

/** The baggage entry, and the member of `tracestate`, whose value a canary gives back. */
export const CANARY_KEY = 'throughline-canary';

/** The tag of canary jobs. */
export const CANARY_TAG = 'throughline-canary';

/** OpenTelemetry's mark of traffic that no user makes (registry `user_agent.synthetic.type`), and its value for tests. */
export const SYNTHETIC = { 'user_agent.synthetic.type': 'test' } as const;
