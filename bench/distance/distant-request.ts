/** A request that was prepared while NATS was near. */
interface Prepared {
  /** Sends it, and reads the answer. */
  readonly send: () => Promise<unknown>;
  /** Ends what the preparation has left. */
  readonly after?: () => Promise<unknown>;
}

/** A kind of request whose time depends on how far NATS is. */
export interface DistantRequest {
  /** Method and path, as the OpenAPI document has them. */
  readonly route: string;
  /** What tells it from other requests to the same route. */
  readonly when?: string;
  /** Whether it makes a job, so that `ACK_MODE` matters. */
  readonly makesJob?: boolean;
  /** Whether its preparation leaves events that the index of jobs has not read. */
  readonly hasNewEvents?: boolean;
  readonly prepare: () => Promise<Prepared>;
}

/** Its name in tables. */
export function nameOf({
  route,
  when,
}: {
  readonly route: string;
  readonly when?: string | undefined;
}): string {
  return when === undefined ? route : `${route}, ${when}`;
}
