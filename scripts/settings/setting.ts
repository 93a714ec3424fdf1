/** One row of docs/SETTINGS.md. The schema says which values are valid and what the default is, a text says what it means. */
import type * as z from 'zod';

/** What people read about a setting. */
type SettingText = string | SpecialSetting;

/** A setting of which the schema does not know what holds without it. */
interface SpecialSetting {
  readonly meaning: string;
  /** What holds while the setting is not set: the schema has no default, or one that differs from host to host. */
  readonly unset: string;
}

/** Settings that belong together, by their names. */
export interface SettingGroup {
  readonly title: string;
  readonly texts: Readonly<Record<string, SettingText>>;
}

export type SettingSchemas = Readonly<Record<string, z.ZodType>>;

/** No schema that refuses any text takes both of these. */
const PROBES = ['?', '?'.repeat(10_000)];
const UNITS = [
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
] as const;
const DURATIONS = [
  ['days', 86_400_000],
  ['hours', 3_600_000],
  ['minutes', 60_000],
] as const;

/** The row of a setting in a Markdown table. */
export function settingRow(name: string, schema: z.ZodType, text: SettingText): string {
  const { meaning, unset } = typeof text === 'string' ? { meaning: text, unset: undefined } : text;
  const cells = [`\`${name}\``, validValues(schema), unset ?? shownDefault(name, schema), meaning];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** Which values the schema takes, in the words with which it refuses others. */
function validValues(schema: z.ZodType): string {
  const refused = PROBES.map((probe) => schema.safeParse(probe).error?.issues[0]?.message).find(
    (message) => message !== undefined,
  );
  // A sentence about the value of the probe follows after ": it".
  return refused?.replace(/^must (?:be|have|look like) /, '').replace(/: it .*$/, '') ?? 'text';
}

function shownDefault(name: string, schema: z.ZodType): string {
  const parsed = schema.safeParse(undefined);
  if (!parsed.success) return '**required**';
  const value = textDefault(schema) ?? parsed.data;
  if (value === undefined || value === '') return 'none';
  if (typeof value === 'number') return `\`${value}\`${inUnits(name, value)}`;
  if (typeof value === 'string' || typeof value === 'boolean') return `\`${value}\``;
  throw new Error(`the text of ${name} must say what holds while it is not set`);
}

/** The text or number that stands in the schema as the default, before it is changed into something else. */
function textDefault(schema: z.ZodType): unknown {
  const {
    type,
    in: inner,
    defaultValue,
  } = schema.def as {
    readonly type: string;
    readonly in?: z.ZodType;
    readonly defaultValue?: unknown;
  };
  if (type === 'pipe' && inner !== undefined) return textDefault(inner);
  return defaultValue;
}

/** A large number of bytes or milliseconds as people say it, in brackets. */
function inUnits(name: string, value: number): string {
  const known = name.endsWith('_BYTES') ? UNITS : name.endsWith('_MS') ? DURATIONS : [];
  const unit = known.find(([, size]) => value >= size && value % size === 0);
  return unit === undefined ? '' : ` (${value / unit[1]} ${unit[0]})`.replace('(1 minutes)', '(1 minute)');
}
