import type { HeaderValues, SetHeader } from './headers.ts';

/** Writes one value to headers, and reads it from headers. */
export interface HeaderCodec<T> {
  /** The name of a header that is present whenever the value is present. */
  readonly name: string;
  readonly write: (value: T, set: SetHeader) => void;
  /** Returns undefined if the header is absent or cannot be read. Never throws. */
  readonly read: (values: HeaderValues) => T | undefined;
}

/** Makes the codec of a text that matches `pattern`. A text that does not match is left out. */
export function textHeader(name: string, pattern: RegExp): HeaderCodec<string> {
  return {
    name,
    write: (text, set) => {
      if (pattern.test(text)) set(name, text);
    },
    read: (values) => {
      const [text] = values(name);
      return text !== undefined && pattern.test(text) ? text : undefined;
    },
  };
}

/** Makes the codec of a whole number from `min` to `max`, in at most 12 digits. */
export function wholeNumberHeader(name: string, min: number, max: number): HeaderCodec<number> {
  return {
    name,
    write: (number, set) => set(name, String(number)),
    read: (values) => {
      const [text] = values(name);
      const number = text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
      return number >= min && number <= max ? number : undefined;
    },
  };
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[t ](?!24)\d\d:\d\d:\d\d(\.\d+)?(z|[+-]\d\d:\d\d)$/i;

/** Makes the codec of an RFC 3339 time, which is read as UTC. */
export function timeHeader(name: string): HeaderCodec<string> {
  return {
    name,
    write: (time, set) => set(name, time),
    read: (values) => readTime(values(name)[0]),
  };
}

/**
 * Reads an RFC 3339 time as UTC. `Date` also reads times without a zone, other years, and much else. The form is checked
 * twice, because the year may have more digits when the time is converted to UTC.
 */
function readTime(text: string | undefined): string | undefined {
  if (text === undefined || !RFC_3339.test(text)) return undefined;
  const utc = new Date(text).toJSON(); // `null` if `text` is no time
  return RFC_3339.test(utc) && isDay(text.slice(0, 10)) ? utc : undefined;
}

/** Whether a calendar has a day: `Date` takes February 30th for a day in March. */
function isDay(date: string): boolean {
  return new Date(date).toJSON().startsWith(date);
}
