/**
 * The first nats-server version that can sync each write to disk before it acknowledges the write (`sync_interval:
 * always`).
 */
export const SYNC_SINCE = '2.10.0';
/**
 * The first nats-server version that can delay jobs: the queue takes each due job from a stream with message schedules.
 * 2.12 has such streams, but no other stream takes a message that a schedule has made (`message schedules is disabled`).
 */
export const DELAY_SINCE = '2.14.0';

/**
 * Whether `version` (such as `2.14.5` or `3.0`) is `least` or newer. A pre-release counts as its release. False if
 * `version` cannot be read.
 */
export function isAtLeastVersion(version: string | undefined, least: string): boolean {
  const [have, need] = [numbers(version ?? ''), numbers(least)];
  for (const [index, part] of need.entries()) {
    const own = have[index] ?? -1;
    if (own !== part) return own > part;
  }
  return true;
}

function numbers(version: string): number[] {
  const parts = /^v?([0-9]+)\.([0-9]+)(?:\.([0-9]+))?/.exec(version) ?? [];
  return parts.slice(1).map((part = '0') => Number(part));
}
