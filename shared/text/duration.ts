const NUMBER = '[0-9]{1,9}(?:[.][0-9]{1,9})?';
const ISO_NUMBER = '[0-9]{1,9}(?:[.,][0-9]{1,9})?';
const ISO_TIME = 'T(?:#H(?:#M)?(?:#S)?|#M(?:#S)?|#S)';
const SHORT = `(?:${NUMBER}(?:ms|s|m|h|d)){1,5}`;
const ISO = `P(?:#W|#D(?:${ISO_TIME})?|${ISO_TIME})`.replaceAll('#', ISO_NUMBER);
/** A duration as text: numbers with units (`90s`, `1h30m`), or ISO 8601 (`PT1H30M`) without years and months. */
export const DURATION = new RegExp(`^(?:${SHORT}|${ISO})$`);
const PART = /([0-9.,]+)(ms|[smhdw])/gi;
const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Milliseconds, as a whole number, of `500ms`, `90s`, `1h30m`, `PT1H30M` or `P1D`; undefined when `text` is no duration. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let ms = 0;
  for (const [, count = '', unit = ''] of text.matchAll(PART)) {
    ms += Number(count.replace(',', '.')) * (UNIT_MS[unit.toLowerCase()] ?? 0);
  }
  return Math.round(ms);
}

/** Milliseconds as people say them: `740 ms`, `2.5 s`, `3 min 20 s`. */
export function secondsText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.trunc(seconds / 60)} min ${seconds % 60} s`;
}
