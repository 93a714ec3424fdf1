interface Publisher {
  readonly publish: (subject: string, body: string) => Promise<number>;
}

/** Pauses or resumes an operation, as `throughline pause` and `throughline resume` do. */
export async function sendPause({ publish }: Publisher, operation: string, paused: boolean): Promise<void> {
  const pause = { paused, by: 'throughline conformance', since: new Date().toISOString() };
  await publish(`$KV.OPERATIONS._paused.${operation}`, JSON.stringify(pause));
}
