/** Intl takes offsets too, which are no names of zones. */
const ZONE_NAME = /^[A-Za-z]/;

/**
 * The name of a time zone in its usual spelling: `Europe/Berlin` for `europe/berlin`. Another name of a zone, such as
 * `US/Eastern`, stays as it is written.
 * @returns undefined when there is no such zone
 */
export function zoneName(text: string): string | undefined {
  if (!ZONE_NAME.test(text)) return undefined;
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions();
    return timeZone.toLowerCase() === text.toLowerCase() ? timeZone : text;
  } catch {
    // Intl throws for a zone that it does not know.
    return undefined;
  }
}
