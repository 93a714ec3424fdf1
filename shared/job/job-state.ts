/**
 * The states of a job and the kinds of its events. Without zod, so that a client of the API stays small.
 */

/** The states of a job that has not ended. */
export const OPEN_STATES = ['queued', 'running', 'retrying'] as const;
/** The states of a job that has ended. */
export const END_STATES = ['succeeded', 'failed', 'cancelled'] as const;

export const JOB_STATES = [...OPEN_STATES, ...END_STATES] as const;
type State = (typeof JOB_STATES)[number];

/** Whether a job in this state is never executed again. */
export function isTerminal(state: State): boolean {
  return END_STATES.some((end) => end === state);
}

/** The kinds of events, and the state of a job whose last event is of that kind. */
export const EVENT_STATES = {
  started: 'running',
  progress: 'running',
  retrying: 'retrying',
  /** A worker handed the job back: it stops, or the job has to wait, or another host must run it. The attempt is not spent. */
  released: 'queued',
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
  /** The dead letter was sent to the queue again. The job starts over. */
  redriven: 'queued',
} as const satisfies Record<string, State>;

export type EventKind = keyof typeof EVENT_STATES;
export const EVENT_KINDS = Object.keys(EVENT_STATES) as [EventKind, ...EventKind[]];

/** Whether `value` is the name of a kind of event. */
export function isEventKind(value: string): value is EventKind {
  return Object.hasOwn(EVENT_STATES, value);
}

/** Whether nothing happens to the job after this event. */
export function isTerminalEvent({ kind }: { readonly kind: EventKind }): boolean {
  return isTerminal(EVENT_STATES[kind]);
}

export const CALLBACK_EVENT_KINDS = ['callback-delivered', 'callback-retrying', 'callback-failed'] as const;
type CallbackEventKind = (typeof CALLBACK_EVENT_KINDS)[number];

/** Whether an event of a job's history is about its callback. */
export function isCallbackEvent<E extends { readonly kind: string }>(
  event: E,
): event is Extract<E, { readonly kind: CallbackEventKind }> {
  return (CALLBACK_EVENT_KINDS as readonly string[]).includes(event.kind);
}
