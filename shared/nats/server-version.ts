/**
 * The first nats-server version that can sync each write to disk before it acknowledges the write (`sync_interval:
 * always`).
 */
export const SYNC_SINCE = '2.10.0';
/** The first nats-server version with message schedules, which delayed jobs need. */
export const SCHEDULES_SINCE = '2.12.0';

/** Whether `version` (such as `2.14.5` or `2.12.0-RC.1`) is `least` or newer. False if `version` cannot be read. */
export function isAtLeastVersion(version: string | undefined, least: string): boolean {
  const [have, need] = [numbers(version ?? ''), numbers(least)];
  for (const [index, part] of need.entries()) {
    const own = have[index] ?? -1;
    if (own !== part) return own > part;
  }
  return true;
}

function numbers(version: string): number[] {
  return (/^v?([0-9]+)\.([0-9]+)\.([0-9]+)/.exec(version) ?? []).slice(1).map(Number);
}
