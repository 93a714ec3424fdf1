import { styleText } from 'node:util';

/** Fields that have a place of their own, or say nothing on a developer's machine. */
const SHOWN_APART = new Set(['time', 'level', 'service', 'msg', 'span_id', 'stack']);
const COLORS = { error: 'red', fatal: 'red', warn: 'yellow', info: 'green', debug: 'blue' } as const;
const NAME_WIDTH = 7;
const LEVEL_WIDTH = 5;

/**
 * Makes a log line easy to read in a terminal: time, part, level and message, then the fields as `name=value`, and the
 * stack of an error on lines of its own. A line that is not JSON stays as it is. Colours follow `NO_COLOR`.
 */
export function prettyLine(line: string): string {
  const fields = parse(line);
  if (fields === undefined) return line;
  const { time, level, service, msg, stack } = fields;
  const head = [
    styleText('dim', String(time).slice(11, 23)),
    String(service).replace('throughline-', '').padEnd(NAME_WIDTH),
    styleText(COLORS[String(level) as keyof typeof COLORS] ?? 'reset', String(level).padEnd(LEVEL_WIDTH)),
    String(msg),
  ];
  const rest = Object.entries(fields)
    .filter(([name]) => !SHOWN_APART.has(name))
    .map(([name, value]) => styleText('dim', `${name}=`) + shown(value));
  const trail = typeof stack === 'string' ? `\n    ${stack.replaceAll('\n', '\n    ')}` : '';
  return [...head, ...rest].join(' ') + trail;
}

function shown(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"=]+$/.test(value)) return value;
  return JSON.stringify(value);
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'msg' in value ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
