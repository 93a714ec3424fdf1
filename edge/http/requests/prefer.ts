const WAIT = /(?:^|[,;\s])wait\s*=\s*"?([0-9]{1,6})"?(?=$|[,;\s])/i;

/**
 * Seconds of `Prefer: wait=N` (RFC 7240, section 4.3), at most `limit`; undefined when there is no such preference.
 * A preference that cannot be read is ignored, as the RFC asks.
 */
export function preferredWait(header: string | undefined, limit: number): number | undefined {
  const [, seconds] = WAIT.exec(header ?? '') ?? [];
  return seconds === undefined ? undefined : Math.min(Number(seconds), limit);
}
