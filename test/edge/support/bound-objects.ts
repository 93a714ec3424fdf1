/** A Durable Object namespace, as far as the settings look at it. */
export const NAMESPACE = { getByName: () => undefined };

/** The bindings to the Durable Objects of the edge, for settings that are only read. */
export const BOUND_OBJECTS = { BRIDGE: NAMESPACE, JOB_INDEX: NAMESPACE, SCHEDULES: NAMESPACE };
